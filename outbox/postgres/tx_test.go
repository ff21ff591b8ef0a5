package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"testing"

	"github.com/girohq/giro/outbox"
)

// TestHandlersCannotEndIt holds that statements which would end the transaction or loosen its promises
// are refused and change nothing, by whatever method they come.
func TestHandlersCannotEndIt(t *testing.T) {
	db := openItems(t, 1)
	must(t, db.Write(bg, func(tx outbox.Tx) error {
		if _, err := tx.ExecContext(bg, `INSERT INTO items VALUES (1, 'kept')`); err != nil {
			return err
		}
		var x string
		for _, q := range []string{"COMMIT", "/* */ rollback", "SAVEPOINT x", "SET synchronous_commit = off", "BEGIN", "SELECT ';'; COMMIT"} {
			_, execErr := tx.ExecContext(bg, q)
			_, queryErr := tx.QueryContext(bg, q) //nolint:rowserrcheck,sqlclosecheck // it is refused
			for _, err := range []error{execErr, queryErr, tx.QueryRowContext(bg, q).Scan(&x), tx.GetContext(bg, &x, q), tx.SelectContext(bg, &[]string{}, q)} {
				if !errors.Is(err, ErrControl) {
					t.Errorf("%s: %v", q, err)
				}
			}
		}
		return nil
	}))
	if n := count(t, db, "items"); n != 1 {
		t.Errorf("%d items stand", n)
	}
}

// TestSavepoint holds that of a savepoint that fails nothing stands, and that the transaction goes on,
// also where the failure was a statement's or its error was ignored.
func TestSavepoint(t *testing.T) {
	db := openItems(t, 1)
	no := errors.New("no")
	must(t, db.Write(bg, func(tx outbox.Tx) error {
		put := func(id int) error {
			_, err := tx.ExecContext(bg, `INSERT INTO items VALUES (?, ?)`, id, "x")
			return err
		}
		must(t, tx.Savepoint(func() error { return put(1) }))
		if err := tx.Savepoint(func() error { return errors.Join(put(2), no) }); !errors.Is(err, no) {
			t.Error(err)
		}
		if err := tx.Savepoint(func() error { return put(1) }); codeOf(err) != "23505" {
			t.Errorf("the same again: %v", err)
		}
		if err := tx.Savepoint(func() error { _ = put(1); return nil }); !errors.Is(err, errAborted) {
			t.Errorf("an ignored error: %v", err)
		}
		panics(t, func() { _ = tx.Savepoint(func() error { must(t, put(3)); panic("x") }) })
		must(t, tx.Savepoint(func() error {
			if err := tx.Savepoint(func() error { return errors.Join(put(4), no) }); !errors.Is(err, no) {
				t.Error(err)
			}
			return put(5)
		}))
		return put(6)
	}))
	var ids []int
	must(t, db.Read().Select(&ids, `SELECT id FROM items ORDER BY id`))
	if fmt.Sprint(ids) != "[1 5 6]" {
		t.Errorf("what stands: %v", ids)
	}
}

func panics(t *testing.T, fn func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Error("the panic did not go on")
		}
	}()
	fn()
}

// TestReads holds that all ways to read work, one inside the loop over another and with a context that is
// over, and that a transaction sees its own writes.
func TestReads(t *testing.T) {
	db := openItems(t, 1)
	over, cancel := context.WithCancel(bg)
	cancel()
	must(t, db.Write(bg, func(tx outbox.Tx) error {
		for i := range 3 {
			if _, err := tx.ExecContext(over, `INSERT INTO items VALUES (?, ?)`, i, fmt.Sprint("note ", i)); err != nil {
				return err
			}
		}
		rows, err := tx.QueryContext(over, `SELECT id, note FROM items ORDER BY id`)
		must(t, err)
		defer rows.Close()
		seen := 0
		for rows.Next() {
			var id int64
			var note, again string
			must(t, rows.Scan(&id, &note))
			must(t, tx.QueryRowContext(over, `SELECT note FROM items WHERE id = ?1 AND id = ?1`, id).Scan(&again))
			if note != again {
				t.Errorf("%q and %q", note, again)
			}
			seen++
		}
		if seen != 3 {
			t.Errorf("%d rows", seen)
		}
		var item struct {
			ID   int64
			Note sql.NullString
		}
		must(t, tx.GetContext(over, &item, `SELECT id, note FROM items WHERE id = ?`, 2))
		if err := tx.GetContext(over, &item, `SELECT id, note FROM items WHERE id = ?`, 7); !errors.Is(err, sql.ErrNoRows) {
			t.Errorf("no row: %v", err)
		}
		return rows.Err()
	}))
}

// TestIgnoredFailure holds that a transaction in which a statement has failed is not taken for committed.
func TestIgnoredFailure(t *testing.T) {
	db := openItems(t, 1)
	commits := db.Commits()
	err := db.Write(bg, func(tx outbox.Tx) error {
		_, err := tx.ExecContext(bg, `INSERT INTO items VALUES (1, '')`)
		must(t, err)
		_, _ = tx.ExecContext(bg, `INSERT INTO items VALUES (1, '')`)
		return nil
	})
	if !errors.Is(err, errAborted) || db.Commits() != commits || count(t, db, "items") != 0 {
		t.Errorf("%v", err)
	}
}

// TestTxOver holds that a transaction that was kept cannot be used, and that a panic undoes it.
func TestTxOver(t *testing.T) {
	db := openItems(t, 1)
	var kept outbox.Tx
	panics(t, func() {
		_ = db.Write(bg, func(tx outbox.Tx) error {
			kept = tx
			_, err := tx.ExecContext(bg, `INSERT INTO items VALUES (1, '')`)
			must(t, err)
			panic("x")
		})
	})
	if _, err := kept.ExecContext(bg, `INSERT INTO items VALUES (2, '')`); !errors.Is(err, outbox.ErrTxOver) {
		t.Errorf("used after its end: %v", err)
	}
	if n := count(t, db, "items"); n != 0 {
		t.Errorf("%d items stand", n)
	}
}

// TestOutboxRows holds that the messages of package outbox are stored and changed as on SQLite.
func TestOutboxRows(t *testing.T) {
	db := openItems(t, 1)
	m := outbox.Message{Key: "k", Subject: "s", Header: map[string][]string{"A": {"b"}}, Body: []byte{0, 1}, Attempt: 1}
	must(t, db.Write(bg, func(tx outbox.Tx) error { return outbox.Put(tx, m) }))
	must(t, db.Write(bg, func(tx outbox.Tx) error {
		if err := outbox.Put(tx, outbox.Message{Key: "none", Attempt: 2}); !errors.Is(err, outbox.ErrNoRow) {
			t.Errorf("a change of no row: %v", err)
		}
		amend := func(h map[string][]string) { h["C"] = []string{"d"} }
		return errors.Join(outbox.Put(tx, outbox.Message{Key: "k", Attempt: 2}), outbox.Amend(tx, "k", amend))
	}))
	if n := count(t, db, `outbox WHERE attempt = 2 AND body = '\x0001' AND header LIKE '%C: d%' AND seq > ?`, db.Boot()<<40); n != 1 {
		t.Error("the row is not as it was put")
	}
	must(t, db.Write(bg, func(tx outbox.Tx) error { return outbox.Delete(tx, "k") }))
	if n := count(t, db, "outbox"); n != 0 {
		t.Error("the row is still there")
	}
}
