package audit

import (
	"flag"
	"path/filepath"
	"testing"
	"time"
)

var transfers = flag.Int("transfers", 20_000, "how many finished transfers TestGenerated audits")

// TestGenerated audits what many finished transfers leave behind: nothing is wrong with it, and
// it takes seconds for a million (-transfers 1000000).
func TestGenerated(t *testing.T) {
	dir := generate(t, *transfers)
	begin := time.Now()
	r := audited(t, dir)
	t.Logf("%d transfers audited in %v", *transfers, time.Since(begin).Round(time.Millisecond))
	if !r.OK {
		t.Fatalf("violations: %v", r.Violations)
	}
	if r.Judged != *transfers-3 || r.Live != 3 {
		t.Errorf("judged %d, live %d", r.Judged, r.Live)
	}
	if len(r.InFlight) != 1 || r.InFlight[0].Sagas != 3 {
		t.Errorf("in flight: %v", r.InFlight)
	}
	var balance int64
	for _, b := range r.Banks {
		balance += b.Balance
	}
	if balance+r.InFlight[0].Amount != 2*1000*1_000_000_000 {
		t.Errorf("balances of %d and %d in flight are not what was opened", balance, r.InFlight[0].Amount)
	}
}

// TestYounger puts money in motion between the orchestrator's snapshot and the banks': of a saga
// that was accepted meanwhile, and of one that was under way and ends. Both are in flight, and
// nothing is wrong.
func TestYounger(t *testing.T) {
	dir := generate(t, 300)
	files, err := In(dir)
	if err != nil {
		t.Fatal(err)
	}
	a := newAuditor()
	defer a.close()
	if err := a.openSagas(t.Context(), files.Orchestrator); err != nil {
		t.Fatal(err)
	}
	execute(t, files.Orchestrator,
		`INSERT INTO sagas (id, type, version, state, revision, created, updated, input, data)
			SELECT 'YOUNG', type, version, 'running', 1, 0, 0, input, data FROM sagas WHERE id = 'T-300'`,
		`UPDATE sagas SET state = 'completed', finished = 1 WHERE id = 'T-300'`, `DELETE FROM outbox WHERE key = 'T-300/credit/forward'`)
	execute(t, filepath.Join(dir, homeDB), append(post("debit", "YOUNG", "debit", "31", 5), inboxRow("YOUNG", "debit", "(SELECT origin FROM inbox LIMIT 1)"))...)
	execute(t, filepath.Join(dir, awayDB), append(post("credit", "T-300", "credit", "100", 301), inboxRow("T-300", "credit", "(SELECT origin FROM inbox LIMIT 1)"))...)
	if err := a.openBanks(t.Context(), files.Banks); err != nil {
		t.Fatal(err)
	}
	if err := a.merge(t.Context()); err != nil {
		t.Fatal(err)
	}
	r := a.report()
	if !r.OK {
		t.Errorf("violations: %v", r.Violations)
	}
	want := InFlight{Currency: "EUR", Amount: 299 + 300 + 5, Sagas: 4} // T-300 has arrived
	if len(r.InFlight) != 1 || r.InFlight[0] != want || r.Live != 4 {
		t.Errorf("in flight %v, want %v; %d live", r.InFlight, want, r.Live)
	}
}

func audited(t *testing.T, dir string) *Report {
	t.Helper()
	files, err := In(dir)
	if err != nil {
		t.Fatal(err)
	}
	r, err := Run(t.Context(), files)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
