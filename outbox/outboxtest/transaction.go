package outboxtest

import (
	"context"
	"errors"
	"testing"

	"github.com/girohq/giro/outbox"
)

func boots(t *testing.T, by Open) {
	var id string
	for boot := int64(1); boot <= 3; boot++ {
		db, err := by()
		must(t, err)
		if id == "" {
			id = db.StoreID()
		}
		if db.StoreID() != id || len(id) != 16 || db.Boot() != boot {
			t.Errorf("store %s boot %d, want %s and %d", db.StoreID(), db.Boot(), id, boot)
		}
		must(t, db.Close())
		must(t, db.Close())
		if err := db.Write(bg, func(outbox.Tx) error { return nil }); !errors.Is(err, outbox.ErrClosed) {
			t.Errorf("write after close: %v", err)
		}
	}
	open(t, by)
	if _, err := by(); !errors.Is(err, outbox.ErrLocked) {
		t.Errorf("a second owner: %v", err)
	}
}

func whole(t *testing.T, by Open) {
	db := items(t, by)
	commits, boom := db.Commits(), errors.New("boom")
	must(t, db.Write(bg, func(tx outbox.Tx) error { return errors.Join(insert(tx, 1), insert(tx, 2)) }))
	if err := db.Write(bg, func(tx outbox.Tx) error { return errors.Join(insert(tx, 3), boom) }); !errors.Is(err, boom) {
		t.Errorf("an error: %v", err)
	}
	panics(t, func() { _ = db.Write(bg, func(tx outbox.Tx) error { must(t, insert(tx, 4)); panic("boom") }) })
	must(t, db.Write(bg, func(tx outbox.Tx) error { return insert(tx, 5) }))
	want(t, db, 1, 2, 5)
	if n := db.Commits() - commits; n != 2 {
		t.Errorf("%d commits, want 2", n)
	}
}

func savepoints(t *testing.T, by Open) {
	db, boom := items(t, by), errors.New("boom")
	must(t, db.Write(bg, func(tx outbox.Tx) error {
		must(t, tx.Savepoint(func() error { return insert(tx, 1) }))
		if err := tx.Savepoint(func() error { must(t, insert(tx, 2)); return boom }); !errors.Is(err, boom) {
			t.Errorf("an error: %v", err)
		}
		if err := tx.Savepoint(func() error { return insert(tx, 1) }); err == nil || tx.Lost() {
			t.Errorf("a statement that fails: %v, lost %v", err, tx.Lost())
		}
		panics(t, func() { _ = tx.Savepoint(func() error { must(t, insert(tx, 3)); panic("boom") }) })
		return tx.Savepoint(func() error {
			_ = tx.Savepoint(func() error { must(t, insert(tx, 4)); return boom })
			return insert(tx, 5)
		})
	}))
	want(t, db, 1, 5)
}

func endless(t *testing.T, by Open) {
	db := items(t, by)
	must(t, db.Write(bg, func(tx outbox.Tx) error {
		for _, q := range []string{"COMMIT", "END", "ROLLBACK", "BEGIN", "SAVEPOINT s", "SELECT 1; COMMIT"} {
			err := tx.Savepoint(func() error {
				_, err := tx.ExecContext(bg, q)
				return err
			})
			if err == nil || tx.Lost() {
				t.Errorf("%s: %v, lost %v", q, err, tx.Lost())
			}
		}
		return insert(tx, 1)
	}))
	want(t, db, 1)
}

func contexts(t *testing.T, by Open) {
	db := items(t, by)
	ended, cancel := context.WithCancel(bg)
	cancel()
	must(t, db.Write(bg, func(tx outbox.Tx) error {
		_, err := tx.ExecContext(ended, `INSERT INTO items (id) VALUES (?1), (?1 + 1)`, 1)
		must(t, err)
		var one, two int
		must(t, tx.QueryRowContext(ended, `SELECT max(id) FROM items`).Scan(&two))
		return errors.Join(tx.GetContext(ended, &one, `SELECT min(id) FROM items`), insert(tx, 10*one+two))
	}))
	want(t, db, 1, 2, 12)
}

func over(t *testing.T, by Open) {
	db := items(t, by)
	var kept outbox.Tx
	must(t, db.Write(bg, func(tx outbox.Tx) error { kept = tx; return nil }))
	if err := insert(kept, 1); !errors.Is(err, outbox.ErrTxOver) {
		t.Errorf("used after its end: %v", err)
	}
	want(t, db)
}

func readers(t *testing.T, by Open) {
	db := items(t, by)
	must(t, db.Write(bg, func(tx outbox.Tx) error {
		must(t, insert(tx, 1))
		want(t, db) // others see what is committed
		return nil
	}))
	want(t, db, 1)
	if _, err := db.Read().Exec(`DELETE FROM items`); err == nil {
		t.Error("a reader can write")
	}
	want(t, db, 1)
}
