package ledger

import (
	"context"
	"flag"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/girohq/giro/coordination"
	"github.com/girohq/giro/internal/pgtest"
	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/outbox/postgres"
	"github.com/girohq/giro/participants"
	"github.com/girohq/giro/races"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// suite is what every strategy must do alike on every database: the tests of the default strategy,
// run again.
var suite = map[string]func(*testing.T){
	"actions":            TestActions,
	"undo of a debit":    TestUndoOfADebit,
	"undo of a credit":   TestUndoOfACredit,
	"one account":        TestOneAccountInOneBatch,
	"money is conserved": TestMoneyIsConserved,
	"trial balance":      TestTrialBalance,
	"hold table":         TestHoldTable,
	"refused alike":      TestHoldsAreRefusedAlike,
	"closed account":     TestHoldsOfAClosedAccount,
	"confirm":            TestConfirmTakesWhatWasHeld,
	"other direction":    TestConfirmOfTheOtherDirection,
	"released":           TestConfirmOfWhatWasReleased,
	"failed capture":     TestFailedCaptureLeavesNothing,
	"afresh":             TestHoldAfresh,
	"holds are kept":     TestHoldsAreKept,
	"isolation":          TestMoneyThatIsNotFinalIsNotSpendable,
}

// conforming are the banks that the suite is running on, by the name of its test. A suite's tests
// share one, which is emptied for each.
var conforming sync.Map

// conformingTeller is the bank of the suite that t belongs to, emptied; nil if it belongs to none.
func conformingTeller(t testing.TB) *teller {
	t.Helper()
	parts := strings.Split(t.Name(), "/")
	if len(parts) < 2 {
		return nil
	}
	shared, ok := conforming.Load(parts[0] + "/" + parts[1])
	if !ok {
		return nil
	}
	b := &teller{TB: t, Bank: shared.(*Bank)}
	b.empty()
	return b
}

func (b *teller) empty() {
	b.Helper()
	must(b, b.db.Write(context.Background(), func(tx participants.Tx) error {
		for _, table := range []string{"holds", "spent", "spending", "entries", "accounts", "inbox"} {
			if _, err := tx.ExecContext(context.Background(), "DELETE FROM "+table); err != nil {
				return err
			}
		}
		return nil
	}))
}

// databases are where a bank can be kept; the function says so for one of a test's own.
var databases = map[outbox.Dialect]func(t testing.TB, cfg *Config){
	outbox.SQLite: func(t testing.TB, cfg *Config) { cfg.Dir = t.TempDir() },
	outbox.Postgres: func(t testing.TB, cfg *Config) {
		cfg.Postgres = &postgres.Config{DSN: pgtest.DSN(t), Writers: 1, Readers: 2}
	},
}

// TestConformance runs the suite with each strategy on each database. Unprotected is among them:
// alone, even it is right, which is why nobody notices until it is not alone.
func TestConformance(t *testing.T) {
	checks := flag.Lookup("rapid.checks")
	before := checks.Value.String()
	must(t, checks.Value.Set("5"))
	t.Cleanup(func() { must(t, checks.Value.Set(before)) })
	conn := connect(t)
	for dialect, in := range databases {
		for _, s := range append(Strategies(), Unprotected) {
			if dialect == outbox.SQLite && s == Atomic {
				continue // these are the tests as they stand
			}
			t.Run(string(dialect)+" "+string(s), func(t *testing.T) {
				t.Parallel() // they mostly wait for the disk
				cfg := Config{Conn: conn, Strategy: s, Laboratory: s == Unprotected, Prefix: string(dialect)}
				in(t, &cfg)
				conform(t, cfg)
			})
		}
	}
}

func conform(t *testing.T, cfg Config) {
	b := openBank(t, cfg)
	conforming.Store(t.Name(), b.Bank)
	defer conforming.Delete(t.Name())
	for name, test := range suite {
		t.Run(name, test)
	}
	for _, met := range []races.Kind{races.OptimisticConflict, races.RowWait, races.Deadlock, races.SerializationFailure, races.LockWait, races.StaleToken} {
		b.wantRaces(met, 0) // it is alone
	}
}

// TestUnprotectedIsRefused holds that nobody gets the strategy that loses money by its name alone.
func TestUnprotectedIsRefused(t *testing.T) {
	for _, s := range []Strategy{Unprotected, "optimist"} {
		if b, err := Open(t.Context(), Config{Bank: "B", Dir: t.TempDir(), Strategy: s}); err == nil {
			must(t, b.Close())
			t.Errorf("%s: a bank was opened", s)
		}
		if _, err := ParseStrategy(string(s)); err == nil {
			t.Errorf("%s: parsed", s)
		}
	}
	if b, err := Open(t.Context(), Config{Bank: "B", Dir: t.TempDir(), Strategy: Locked}); err == nil {
		must(t, b.Close())
		t.Error("locked: opened without a broker for its locks")
	}
}

// TestFencesAreCoordinations holds that the migration makes the table as Guard expects it.
func TestFencesAreCoordinations(t *testing.T) {
	for dialect := range databases {
		text, err := fs.ReadFile(migrationsOf(dialect), "0003_fences.sql")
		must(t, err)
		if !strings.HasSuffix(strings.TrimSuffix(string(text), ";\n"), coordination.Schema) {
			t.Errorf("0003_fences.sql of %s is not coordination.Schema any more", dialect)
		}
	}
}

// connect starts a broker in this process and connects to it.
func connect(t testing.TB) *nats.Conn {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true,
		StoreDir: filepath.Join(t.TempDir(), "js"), NoSigs: true, NoLog: true})
	must(t, err)
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(30 * time.Second) {
		t.Fatal("the broker does not start")
	}
	conn, err := nats.Connect(s.ClientURL())
	must(t, err)
	t.Cleanup(conn.Close)
	return conn
}
