package postgres

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/girohq/giro/internal/pgtest"
	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/races"
	"go.uber.org/goleak"
)

var bg = context.Background()

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		pgtest.Stop()
		os.Exit(code)
	}))
}

// openAt opens a database that the test closes.
func openAt(t testing.TB, cfg Config) *DB {
	t.Helper()
	db, err := Open(bg, cfg)
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	return db
}

// openItems is a database with the table items(id, note), which most tests write to.
func openItems(t testing.TB, writers int) *DB {
	t.Helper()
	db := openAt(t, Config{DSN: pgtest.DSN(t), Writers: writers, Races: &races.Counts{}})
	write(t, db, `CREATE TABLE items (id BIGINT PRIMARY KEY, note TEXT)`)
	return db
}

func write(t testing.TB, db *DB, query string, args ...any) {
	t.Helper()
	must(t, db.Write(bg, func(tx outbox.Tx) error {
		_, err := tx.ExecContext(bg, query, args...)
		return err
	}))
}

func count(t testing.TB, db *DB, from string, args ...any) (n int) {
	t.Helper()
	must(t, db.Read().Get(&n, "SELECT count(*) FROM "+from, args...))
	return n
}

// wantRaces compares one of the counters that the database was given.
func wantRaces(t testing.TB, db *DB, k races.Kind, want uint64) {
	t.Helper()
	if got := db.cfg.Races.Of(k); got != want {
		t.Errorf("%s: %d, want %d", k.Name(), got, want)
	}
}

// eventually waits with the patience of a busy machine.
func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(time.Minute); !done(); {
		select {
		case <-tick.C:
		case <-late:
			t.Fatal("never: " + what)
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
