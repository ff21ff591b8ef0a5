package berka

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/girohq/giro/saga"
)

// result is what `giro run -o json` prints, as the contract has it.
type result struct {
	Transfers, Completed, Compensated, Suspended int
	Audit                                        struct {
		OK         bool
		Violations []any
		Banks      []struct {
			Bank, Currency string
			Balance        int64
		}
		InFlight []any `json:"in_flight"`
	}
}

// balances sums the customers' money of the bank that pays, and of those that are paid.
func (r *result) balances() (home, others int64, banks int) {
	for _, b := range r.Audit.Banks {
		if b.Bank == "HOME" {
			home += b.Balance
			continue
		}
		others += b.Balance
		banks++
	}
	return home, others, banks
}

// giro is the program under test, built once.
func giro(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "giro")
	if out, err := exec.Command("go", "build", "-o", file, "github.com/girohq/giro/cmd/giro").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return file
}

// run runs every order with these accounts on a new directory, and checks what must hold however
// much money there was.
func run(t *testing.T, giro, data, accounts string) *result {
	t.Helper()
	dir := t.TempDir()
	var r result
	decode(t, output(t, giro, "run", filepath.Join(data, "transfers.csv"), "--accounts", filepath.Join(data, accounts), "--data", dir, "-o", "json"), &r)
	if r.Transfers != orders || r.Completed+r.Compensated != orders || r.Suspended != 0 {
		t.Errorf("of %d transfers %d were completed, %d compensated, %d suspended", r.Transfers, r.Completed, r.Compensated, r.Suspended)
	}
	if !r.Audit.OK || len(r.Audit.Violations) > 0 || len(r.Audit.InFlight) > 0 {
		t.Errorf("the audit is not clean: %+v", r.Audit)
	}
	home, others, _ := r.balances()
	if opened := opening(t, filepath.Join(data, accounts)); home+others != opened {
		t.Errorf("accounts opened with %d, and hold %d now", opened, home+others)
	}
	refusals(t, giro, dir, r.Compensated)
	return &r
}

// refusals looks at every transfer that did not happen: refused for want of money, nothing else.
func refusals(t *testing.T, giro, dir string, want int) {
	t.Helper()
	seen := 0
	for cursor := ""; ; {
		var page struct {
			Items []saga.Document
			Next  string
		}
		decode(t, output(t, giro, "list", "--state", "compensated", "--data", dir, "--limit", "1000", "--cursor="+cursor, "-o", "json"), &page)
		for _, doc := range page.Items {
			seen++
			if doc.Cause == nil || doc.Cause.Code != "insufficient_funds" {
				t.Errorf("%s was refused because of %+v", doc.ID, doc.Cause)
			}
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if seen != want {
		t.Errorf("%d compensated transfers are listed, the run counted %d", seen, want)
	}
}

func output(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("giro %s: %v", args[0], err)
	}
	return out
}

func decode(t *testing.T, data []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatalf("%v: %s", err, data)
	}
}
