package growth

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/girohq/giro/client"
	"github.com/girohq/giro/embedded"
	"github.com/girohq/giro/internal/audit"
	"github.com/girohq/giro/internal/drive"
	"github.com/girohq/giro/internal/generated"
	"github.com/girohq/giro/participants/ledger"
)

var (
	finished = flag.Int("growth.finished", 5_000, "finished transfers in the store that has grown")
	each     = flag.Int("growth.transfers", 300, "transfers that are run in each round")
	rounds   = flag.Int("growth.rounds", 2, "rounds of each store, in turn")
)

const clients = 64

// TestFinished runs the same transfers over an empty store and over one with many that have ended, in turn, and
// prints what they took. The audit judges both stores: what was generated and what was run.
func TestFinished(t *testing.T) {
	stores := []struct {
		name     string
		dir      string
		finished int
		rates    []float64
	}{{name: "empty", dir: t.TempDir()}, {name: "grown", dir: t.TempDir(), finished: *finished}}
	for i := range stores {
		s := &stores[i]
		began := time.Now()
		if err := generated.Transfers(t.Context(), s.dir, max(s.finished, 1), 0); err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d transfers generated in %s, %.0f bytes each in the orchestrator's database",
			s.name, s.finished, time.Since(began).Round(time.Millisecond), float64(size(t, s.dir))/float64(max(s.finished, 1)))
	}
	for round := range *rounds {
		for i := range stores {
			s := &stores[i]
			opened, rate := run(t, s.dir, fmt.Sprintf("round-%d", round))
			s.rates = append(s.rates, rate)
			t.Logf("%s: open after %s; %.0f transfers/s", s.name, opened.Round(time.Millisecond), rate)
		}
	}
	for _, s := range stores {
		judge(t, s.dir, max(s.finished, 1)+*rounds**each)
	}
	t.Logf("over %d finished transfers: %.0f %% of the rate over none", *finished, 100*median(stores[1].rates)/median(stores[0].rates))
}

// run runs transfers on a node over dir, and says how long it took to open and how many a second it did.
func run(t *testing.T, dir, stem string) (opened time.Duration, rate float64) {
	t.Helper()
	cfg := embedded.Config{Data: dir, Banks: []ledger.Branch{{Bank: generated.Home}, {Bank: generated.Away}}}
	began := time.Now()
	err := drive.On(t.Context(), cfg, func(ctx context.Context, c *client.Client, _ *embedded.Node) error {
		opened = time.Since(began)
		n, start, tally := 0, time.Now(), drive.NewTally()
		d := &drive.Driver{Starter: c, Clients: clients, Tally: tally, Next: func() (drive.Job, bool) {
			n++
			return transfer(stem, n), n <= *each
		}}
		err := d.Run(ctx)
		rate = float64(*each) / time.Since(start).Seconds()
		if counts := tally.Counts(); err == nil && counts.Completed != *each {
			err = fmt.Errorf("%+v of %d transfers", counts, *each)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return opened, rate
}

func transfer(stem string, n int) drive.Job {
	account := func(of int) string { return fmt.Sprint(of % generated.Accounts) }
	t := ledger.Transfer{From: ledger.Place{Bank: generated.Home, Account: account(n * 7)}, To: ledger.Place{Bank: generated.Away, Account: account(n * 13)}, Amount: 1, Currency: "EUR"}
	return drive.Job{Type: "transfer", ID: fmt.Sprintf("%s-%d", stem, n), Input: t.Input()}
}

func judge(t *testing.T, dir string, want int) {
	t.Helper()
	files, err := audit.In(dir)
	if err != nil {
		t.Fatal(err)
	}
	r, err := audit.Run(t.Context(), files)
	if err != nil {
		t.Fatal(err)
	}
	if !r.OK || r.Judged != want {
		t.Errorf("%d of %d transfers judged, violations: %v", r.Judged, want, r.Violations)
	}
}

// size is that of the orchestrator's database, its log left out.
func size(t *testing.T, dir string) int64 {
	t.Helper()
	info, err := os.Stat(filepath.Join(dir, embedded.OrchestratorFile))
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

func median(values []float64) float64 {
	values = slices.Sorted(slices.Values(values))
	return values[len(values)/2]
}
