package bench

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/girohq/giro/outbox"
	"github.com/rs/zerolog"
)

const accounts = 500 // of each bank

// Every door, in both loops, starts what it was asked to, once each, and the books of both banks hold what
// they held. Nothing is said of how long it takes.
func TestDoors(t *testing.T) {
	const each = 200 // of which one is refused at the debit and one undone
	for _, door := range Doors {
		t.Run(string(door), func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
			defer cancel()
			dir := t.TempDir()
			var levels []Level
			for _, cfg := range []Config{{Clients: []int{1, 16}}, {Rates: []float64{400}}} {
				cfg.Data, cfg.Doors, cfg.Transfers, cfg.accounts, cfg.Log = dir, []Door{door}, each, accounts, zerolog.Nop()
				r, err := Run(ctx, cfg)
				if err != nil {
					t.Fatal(err)
				}
				if !r.Audit.OK || len(r.Audit.InFlight) > 0 {
					t.Errorf("audit: %+v", r.Audit)
				}
				levels = append(levels, r.Levels...)
			}
			for _, l := range levels {
				if l.Door != door || l.Durability != door.Durability() || l.Transfers != each || l.Completed != each-2 || l.Compensated != 2 {
					t.Errorf("%+v", l)
				}
				if l.PerSecond <= 0 || l.Latency.Max < l.Latency.P50 || l.Commits <= 0 {
					t.Errorf("nothing was measured: %+v", l)
				}
			}
			if n := count(t, dir, "orchestrator.db", `SELECT count(*) FROM sagas`); n != len(levels)*each {
				t.Errorf("%d sagas of %d transfers", n, len(levels)*each)
			}
			checkMoney(t, dir)
		})
	}
}

// checkMoney adds up what the customers of both banks have.
func checkMoney(t *testing.T, dir string) {
	t.Helper()
	sum := 0
	for _, bank := range bankNames {
		sum += count(t, dir, "ledger-"+bank+".db", `SELECT sum(balance) FROM accounts WHERE balance >= 0 AND account GLOB '[0-9]*'`)
	}
	if want := len(bankNames) * accounts * opening; sum != want {
		t.Errorf("the customers have %d, and had %d", sum, want)
	}
}

func count(t *testing.T, dir, file, query string) (n int) {
	t.Helper()
	db, err := outbox.OpenReadOnly(filepath.Join(dir, file))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Get(&n, query); err != nil {
		t.Fatal(err)
	}
	return n
}

// The caller's orders and their starts commit together, and no start is left behind.
func TestOutboxKeepsNothing(t *testing.T) {
	dir := t.TempDir()
	if _, err := Run(t.Context(), Config{Data: dir, Doors: []Door{Outbox}, Clients: []int{8}, Transfers: 50, accounts: accounts, Log: zerolog.Nop()}); err != nil {
		t.Fatal(err)
	}
	if n := count(t, dir, callersFile, `SELECT count(*) FROM orders`); n != 50 {
		t.Errorf("%d orders", n)
	}
}

// An interrupted run says so, and leaves nothing behind that runs.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	_, err := Run(ctx, Config{Data: t.TempDir(), Doors: Doors, Clients: []int{4}, Duration: time.Hour, accounts: accounts, Log: zerolog.Nop(), Begun: func(Level) { cancel() }})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("it ended with %v", err)
	}
}

func TestConfig(t *testing.T) {
	for i, cfg := range []Config{
		{Clients: []int{1}}, {Transfers: 1}, {Clients: []int{1}, Transfers: 1, Duration: 1}, {Clients: []int{0}, Transfers: 1},
		{Clients: []int{1}, Rates: []float64{1}, Transfers: 1}, {Rates: []float64{0}, Transfers: 1}, {Rates: []float64{MaxRate + 1}, Transfers: 1},
		{Clients: []int{1}, Transfers: 1, Doors: []Door{"window"}},
	} {
		if _, err := Run(t.Context(), cfg); err == nil {
			t.Error(fmt.Sprint("config ", i, " is accepted"))
		}
	}
}
