package postgres

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/girohq/giro/internal/pgtest"
	"github.com/girohq/giro/outbox"
)

// TestOpen holds that a store keeps its id, counts its boots and applies each migration once.
func TestOpen(t *testing.T) {
	dsn := pgtest.DSN(t)
	files := fstest.MapFS{"0001_a.sql": {Data: []byte(`CREATE TABLE a (n INTEGER); INSERT INTO a VALUES (1);`)}}
	var id string
	for boot := range 3 {
		db, err := Open(bg, Config{DSN: dsn, Migrations: files})
		must(t, err)
		if id == "" {
			id = db.StoreID()
		}
		if db.StoreID() != id || db.Boot() != int64(boot+1) {
			t.Errorf("store %s boot %d, want %s and %d", db.StoreID(), db.Boot(), id, boot+1)
		}
		if n := count(t, db, "a"); n != 1 {
			t.Errorf("the migration ran %d times", n)
		}
		must(t, db.Close())
		must(t, db.Close())
		if err := db.Write(bg, nil); !errors.Is(err, outbox.ErrClosed) {
			t.Errorf("write after close: %v", err)
		}
	}
	if _, err := Open(bg, Config{DSN: dsn}); !errors.Is(err, outbox.ErrNewer) {
		t.Errorf("without the migration that was applied: %v", err)
	}
	files["0001_a.sql"], files["0001_b.sql"] = nil, files["0001_a.sql"]
	delete(files, "0001_a.sql")
	if _, err := Open(bg, Config{DSN: dsn, Migrations: files}); !errors.Is(err, outbox.ErrMigrations) {
		t.Errorf("with another migration in its place: %v", err)
	}
}

// TestMigrationIsWhole holds that of a file that fails nothing stands.
func TestMigrationIsWhole(t *testing.T) {
	dsn := pgtest.DSN(t)
	files := fstest.MapFS{"0001_a.sql": {Data: []byte(`CREATE TABLE a (n INTEGER); SELECT 1/0;`)}}
	if _, err := Open(bg, Config{DSN: dsn, Migrations: files}); err == nil {
		t.Fatal("a migration that fails was taken")
	}
	files["0001_a.sql"].Data = []byte(`CREATE TABLE a (n INTEGER)`)
	openAt(t, Config{DSN: dsn, Migrations: files})
}

// TestSchemas holds that two schemas of one database are two stores.
func TestSchemas(t *testing.T) {
	dsn := pgtest.DSN(t)
	schema := "Other's " + t.Name()
	first := openAt(t, Config{DSN: dsn})
	second := openAt(t, Config{DSN: dsn, Schema: schema})
	t.Cleanup(func() { write(t, first, `DROP SCHEMA "`+schema+`" CASCADE`) })
	if first.StoreID() == second.StoreID() {
		t.Error("two schemas are one store")
	}
	must(t, second.Close())
}

// TestSecondOwner holds that a second owner is refused, and told who the first one is.
func TestSecondOwner(t *testing.T) {
	dsn := pgtest.DSN(t)
	openAt(t, Config{DSN: dsn})
	_, err := Open(bg, Config{DSN: dsn})
	host, _ := os.Hostname()
	host, _, _ = strings.Cut(host, ".")
	if want := fmt.Sprintf("held by process giro %.40s/%d", host, os.Getpid()); !errors.Is(err, outbox.ErrLocked) || !strings.Contains(err.Error(), want) {
		t.Errorf("second owner: %v, want %s", err, want)
	}
}

// TestFence holds that an owner whose lock is gone cannot commit beside its successor: neither what it
// begins later, nor what it had open.
func TestFence(t *testing.T) {
	first := openItems(t, 2)
	cutOff(first) // as if the network had taken the lock's connection and nothing else
	open := make(chan struct{})
	goOn := make(chan struct{})
	ended := make(chan error, 1)
	go func() {
		ended <- first.Write(bg, func(tx outbox.Tx) error {
			_, err := tx.ExecContext(bg, `INSERT INTO items VALUES (1, 'open')`)
			close(open)
			<-goOn
			return err
		})
	}()
	<-open
	second := make(chan *DB, 1)
	go func() {
		db, err := Open(bg, first.cfg)
		if err != nil {
			t.Error(err)
		}
		second <- db
	}()
	select {
	case <-second:
		t.Error("a successor began while a transaction of its predecessor was open")
	default:
	}
	close(goOn)
	must(t, <-ended) // it was committed before the successor began
	successor := <-second
	if successor == nil {
		t.Fatal("no successor")
	}
	t.Cleanup(func() { must(t, successor.Close()) })
	if n := count(t, successor, "items"); n != 1 {
		t.Errorf("the successor sees %d items, want 1", n)
	}
	called := false
	err := first.Write(bg, func(outbox.Tx) error { called = true; return nil })
	if !errors.Is(err, outbox.ErrUnusable) || called {
		t.Errorf("the predecessor writes beside its successor: called %v, %v", called, err)
	}
	write(t, successor, `INSERT INTO items VALUES (2, 'successor')`)
}

// TestLockIsTakenAgain holds that an owner whose lock's connection was lost takes the lock again.
func TestLockIsTakenAgain(t *testing.T) {
	db := openAt(t, Config{DSN: pgtest.DSN(t)})
	session := func() (pid int) {
		_ = db.Read().Get(&pid, strings.Replace(holder, "a.application_name", "a.pid", 1))
		return pid
	}
	first := session()
	write(t, db, `SELECT pg_terminate_backend(?)`, first)
	eventually(t, "the lock is held again", func() bool { pid := session(); return pid != 0 && pid != first })
	if _, err := Open(bg, db.cfg); !errors.Is(err, outbox.ErrLocked) {
		t.Errorf("second owner: %v", err)
	}
	write(t, db, `CREATE TABLE it_goes_on ()`)
}

// cutOff ends the connection that holds the lock, and the guard that would take it again.
func cutOff(db *DB) {
	db.owner.close()
}

// TestSettings holds that a server which may lose commits is refused.
func TestSettings(t *testing.T) {
	dsn := pgtest.DSN(t)
	_, s, err := Config{DSN: dsn}.check()
	must(t, err)
	s.write.RuntimeParams["synchronous_commit"] = "off"
	conn, err := claim(bg, s.write, "")
	if !errors.Is(err, outbox.ErrPragma) {
		t.Errorf("synchronous_commit off: %v", err)
	}
	if conn != nil {
		must(t, conn.Close(bg))
	}
}
