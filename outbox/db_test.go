package outbox

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/girohq/giro/outbox/internal/schema"
	"github.com/jmoiron/sqlx"
	"github.com/mattn/go-sqlite3"
)

func TestOpenKeepsTheStoreAndCountsBoots(t *testing.T) {
	path := newPath(t)
	var id string
	for boot := int64(1); boot <= 3; boot++ {
		db, err := Open(bg, Config{Path: path})
		must(t, err)
		if boot == 1 {
			id = db.StoreID()
		}
		if db.Boot() != boot || db.StoreID() != id || !regexp.MustCompile(`^[0-9a-z]{16}$`).MatchString(id) {
			t.Fatalf("boot %d, store %q, want %d, %q", db.Boot(), db.StoreID(), boot, id)
		}
		must(t, db.Close())
		must(t, db.Close())
		if err := db.Write(bg, func(Tx) error { return nil }); !errors.Is(err, ErrClosed) {
			t.Fatalf("write after close: %v", err)
		}
	}
}

func TestStoreIDsDiffer(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		seen[schema.NewStoreID()] = true
	}
	if len(seen) != 1000 {
		t.Fatalf("%d different ids of 1000", len(seen))
	}
}

func TestPathsThatLookLikeSettings(t *testing.T) {
	for _, name := range []string{"a?_synchronous=OFF", "b%20c", "d#e", "f&mode=ro", ":memory:", "g h"} {
		path := filepath.Join(t.TempDir(), name)
		openAt(t, path)
		if _, err := os.Stat(path); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestOpenTurnsAForeignJournalIntoWAL(t *testing.T) {
	path := newPath(t)
	raw, err := sqlx.Open("sqlite3", "file:"+path+"?_journal_mode=DELETE&_synchronous=OFF")
	must(t, err)
	raw.MustExec(`CREATE TABLE before (x); INSERT INTO before VALUES (1)`)
	must(t, raw.Close())
	db := openAt(t, path)
	if got := writerPragmas(t, db); got != "wal 2 1" {
		t.Fatalf("pragmas: %s", got)
	}
	if count(t, db, "before") != 1 {
		t.Fatal("the table is gone")
	}
}

func writerPragmas(t *testing.T, db *DB) string {
	var got []string
	for _, p := range []string{"journal_mode", "synchronous", "foreign_keys"} {
		var v string
		must(t, db.writer.conn.GetContext(bg, &v, "PRAGMA "+p))
		got = append(got, v)
	}
	return strings.Join(got, " ")
}

func TestWeakSettingsAreRefused(t *testing.T) {
	for _, weak := range []string{"_synchronous=NORMAL", "_synchronous=OFF", "_journal_mode=DELETE", "_foreign_keys=off"} {
		name, _, _ := strings.Cut(weak, "=")
		strong := regexp.MustCompile(name + `=\w+`)
		_, err := openConnection(bg, dsn(newPath(t), "rwc", strong.ReplaceAllString(writerSettings, weak)))
		if !errors.Is(err, ErrPragma) || !strings.Contains(err.Error(), name[1:]) {
			t.Errorf("%s: %v, want ErrPragma naming it", weak, err)
		}
	}
}

func TestTheLogIsKept(t *testing.T) {
	path := newPath(t)
	db, err := Open(bg, Config{Path: path})
	must(t, err)
	write(t, db, `CREATE TABLE big (b BLOB)`)
	write(t, db, `INSERT INTO big VALUES (zeroblob(1000000))`)
	must(t, db.Close())
	if info, err := os.Stat(path + "-wal"); err != nil || info.Size() < 1_000_000 {
		t.Fatalf("the log after Close: %v, %v", info, err)
	}
}

func TestReadersCannotWrite(t *testing.T) {
	db := openItems(t)
	if _, err := db.Read().Exec(`INSERT INTO items (id) VALUES (1)`); err == nil {
		t.Fatal("a reader wrote")
	}
}

func TestOpenReadOnly(t *testing.T) {
	path := newPath(t)
	if _, err := OpenReadOnly(path); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("missing file: %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Fatal("it created the file")
	}
	db, err := Open(bg, Config{Path: path})
	must(t, err)
	write(t, db, `CREATE TABLE items (id)`)
	for _, state := range []string{"running", "stopped"} {
		ro, err := OpenReadOnly(path)
		must(t, err)
		var n int
		must(t, ro.Get(&n, `SELECT count(*) FROM items`))
		if _, err := ro.Exec(`INSERT INTO items VALUES (1)`); err == nil {
			t.Errorf("%s: a read-only database took a write", state)
		}
		if state == "running" {
			write(t, db, `INSERT INTO items VALUES (1)`)
			must(t, db.Close())
		} else if n != 1 {
			t.Errorf("stopped: %d rows", n)
		}
		must(t, ro.Close())
	}
}

func TestWriteStandsOrFallsAsAWhole(t *testing.T) {
	db := openItems(t)
	boom := errors.New("boom")
	err := db.Write(bg, func(tx Tx) error {
		_, err := tx.ExecContext(bg, `INSERT INTO items (id) VALUES (1)`)
		must(t, err)
		return boom
	})
	if err != boom || count(t, db, "items") != 0 {
		t.Fatalf("after an error: %v, %d rows", err, count(t, db, "items"))
	}
	func() {
		defer func() { _ = recover() }()
		_ = db.Write(bg, func(tx Tx) error {
			_, err := tx.ExecContext(bg, `INSERT INTO items (id) VALUES (1)`)
			must(t, err)
			panic("boom")
		})
	}()
	if count(t, db, "items") != 0 {
		t.Fatal("a panic left its writes")
	}
	write(t, db, `INSERT INTO items (id) VALUES (2)`)
}

func TestWriteWaitsForItsTurnAsLongAsItsContext(t *testing.T) {
	db := openItems(t)
	over, cancel := context.WithCancel(bg)
	cancel()
	must(t, db.Write(bg, func(Tx) error {
		if err := db.Write(over, func(Tx) error { return nil }); !errors.Is(err, context.Canceled) {
			t.Errorf("a second transaction: %v", err)
		}
		return nil
	}))
}

func TestADeferredConstraintFailsTheCommitOnly(t *testing.T) {
	db := openItems(t)
	write(t, db, `CREATE TABLE parts (item INTEGER REFERENCES items DEFERRABLE INITIALLY DEFERRED)`)
	err := db.Write(bg, func(tx Tx) error {
		_, err := tx.ExecContext(bg, `INSERT INTO parts VALUES (7)`)
		return err
	})
	if err == nil || errors.Is(err, ErrUnusable) {
		t.Fatalf("a dangling part: %v", err)
	}
	write(t, db, `INSERT INTO items (id) VALUES (7)`)
	if count(t, db, "parts") != 0 {
		t.Fatal("the part stands")
	}
}

func TestAForeignWriterIsWaitedFor(t *testing.T) {
	db := openItems(t)
	other, err := sql.Open("sqlite3", "file:"+db.Path()+"?_busy_timeout=1&_txlock=immediate")
	must(t, err)
	defer other.Close()
	tx, err := other.Begin()
	must(t, err)
	// A timeout of a millisecond makes every try of the twelve fail while the other holds on.
	_, err = db.writer.conn.ExecContext(bg, "PRAGMA busy_timeout=1")
	must(t, err)
	if err := db.Write(bg, func(Tx) error { return nil }); !errors.Is(err, ErrNotBegun) {
		t.Fatalf("while another program writes: %v", err)
	}
	must(t, tx.Rollback())
	must(t, db.Write(bg, func(Tx) error { return nil }))
}

func TestBusyIsTriedAgainAndNothingElse(t *testing.T) {
	busy, full := sqlite3.Error{Code: sqlite3.ErrBusy}, sqlite3.Error{Code: sqlite3.ErrFull}
	for _, c := range []struct {
		last  error
		after int // busy answers before it
		tries int
		want  error
	}{
		{nil, 0, 1, nil}, {nil, 3, 4, nil}, {full, 2, 3, full}, {nil, beginTries, beginTries, busy},
	} {
		tries := 0
		err := whileBusy(func() error {
			if tries++; tries <= c.after {
				return busy
			}
			return c.last
		})
		if err != c.want || tries != c.tries {
			t.Errorf("%v after %d busy answers: %v in %d tries", c.last, c.after, err, tries)
		}
	}
}

func TestConfig(t *testing.T) {
	for _, bad := range []Config{{}, {Path: newPath(t), Readers: -1}, {Path: filepath.Join(t.TempDir(), "no", "x.db")}} {
		if db, err := Open(bg, bad); err == nil {
			t.Errorf("%+v was accepted", bad)
			_ = db.Close()
		}
	}
}
