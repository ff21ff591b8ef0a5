package outbox

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestAHandlerCannotEndItsTransaction(t *testing.T) {
	db := openItems(t)
	for _, statement := range []string{
		"COMMIT", "END", "ROLLBACK", "BEGIN", "SAVEPOINT s", "RELEASE handler", "ROLLBACK TO handler",
		"ATTACH 'x.db' AS x", "DETACH main", "PRAGMA synchronous=OFF", "SELECT 1; COMMIT",
	} {
		must(t, db.Write(bg, func(tx Tx) error {
			return tx.Savepoint(func() error {
				_, execErr := tx.ExecContext(bg, statement)
				rows, queryErr := tx.QueryContext(bg, statement)
				if rows != nil {
					queryErr = errors.Join(queryErr, rows.Err())
				}
				for _, err := range []error{execErr, queryErr} {
					if err == nil || !strings.Contains(err.Error(), "not authorized") {
						t.Errorf("%s: %v, want: not authorized", statement, err)
					}
				}
				_, err := tx.ExecContext(bg, `INSERT OR IGNORE INTO items (id) VALUES (1)`)
				return err
			})
		}))
	}
	if count(t, db, "items") != 1 {
		t.Fatal("the transactions did not go on")
	}
}

func TestACancelledContextStopsNothing(t *testing.T) {
	db := openItems(t)
	over, cancel := context.WithCancel(bg)
	cancel()
	must(t, db.Write(bg, func(tx Tx) error {
		_, err := tx.ExecContext(over, `INSERT INTO items (id) VALUES (1), (2)`)
		must(t, err)
		var id int
		must(t, tx.QueryRowContext(over, `SELECT max(id) FROM items`).Scan(&id))
		must(t, tx.GetContext(over, &id, `SELECT min(id) FROM items`))
		var all []int
		must(t, tx.SelectContext(over, &all, `SELECT id FROM items ORDER BY id`))
		rows, err := tx.QueryContext(over, `SELECT id FROM items`)
		must(t, err)
		if !rows.Next() || len(all) != 2 || id != 1 {
			t.Errorf("read %v, %d", all, id)
		}
		return nil
	}))
	if count(t, db, "items") != 2 {
		t.Fatal("the writes are gone")
	}
}

// A statement that ends the transaction must not let the next one commit by itself.
func TestNothingRunsAfterALoss(t *testing.T) {
	db := openItems(t)
	write(t, db, `INSERT INTO items (id) VALUES (1)`)
	lost := db.writer
	err := db.Write(bg, func(tx Tx) error {
		insert(t, tx, 2)
		lose(t, tx)
		_, execErr := tx.ExecContext(bg, `INSERT INTO items (id) VALUES (3)`)
		_, queryErr := tx.QueryContext(bg, `SELECT 1`)
		var n int
		for name, err := range map[string]error{
			"exec": execErr, "query": queryErr,
			"row":       tx.QueryRowContext(bg, `SELECT 1`).Scan(&n),
			"get":       tx.GetContext(bg, &n, `SELECT 1`),
			"select":    tx.SelectContext(bg, &[]int{}, `SELECT 1`),
			"savepoint": tx.Savepoint(func() error { return nil }),
		} {
			if !errors.Is(err, ErrTxLost) {
				t.Errorf("%s after the loss: %v", name, err)
			}
		}
		return nil
	})
	if !errors.Is(err, ErrTxLost) || count(t, db, "items") != 1 {
		t.Fatalf("%v, %d rows, want ErrTxLost and the one before", err, count(t, db, "items"))
	}
	write(t, db, `INSERT INTO items (id) VALUES (4)`)
	if got := writerPragmas(t, db); got != "wal 2 1" || db.writer == lost {
		t.Fatalf("the connection was kept, or has %s", got)
	}
}

func insert(t testing.TB, tx Tx, id int) {
	t.Helper()
	_, err := tx.ExecContext(bg, `INSERT INTO items (id) VALUES (?)`, id)
	must(t, err)
}

// lose makes SQLite roll the transaction back. Row 1 must exist.
func lose(t testing.TB, tx Tx) {
	t.Helper()
	if _, err := tx.ExecContext(bg, `INSERT OR ROLLBACK INTO items (id) VALUES (1)`); err == nil {
		t.Fatal("no conflict")
	}
}

func TestSavepoint(t *testing.T) {
	db := openItems(t)
	boom := errors.New("boom")
	must(t, db.Write(bg, func(tx Tx) error {
		insert(t, tx, 1)
		must(t, tx.Savepoint(func() error {
			insert(t, tx, 2)
			if err := tx.Savepoint(func() error { insert(t, tx, 3); return boom }); err != boom {
				t.Errorf("inner: %v", err)
			}
			func() {
				defer func() {
					if p := recover(); p != "panic" {
						t.Errorf("recovered %v", p)
					}
				}()
				_ = tx.Savepoint(func() error { insert(t, tx, 4); panic("panic") })
			}()
			return nil
		}))
		return nil
	}))
	var ids []int
	must(t, db.Read().Select(&ids, `SELECT id FROM items ORDER BY id`))
	if diff := cmp.Diff([]int{1, 2}, ids); diff != "" {
		t.Fatal(diff)
	}
}

func TestSavepointSaysThatTheTransactionIsLost(t *testing.T) {
	db := openItems(t)
	write(t, db, `INSERT INTO items (id) VALUES (1)`)
	boom := errors.New("boom")
	for _, own := range []error{nil, boom} {
		err := db.Write(bg, func(tx Tx) error {
			err := tx.Savepoint(func() error { lose(t, tx); return own })
			if !errors.Is(err, ErrTxLost) || !errors.Is(err, cmpOr(own, ErrTxLost)) {
				t.Errorf("savepoint: %v", err)
			}
			return nil // a handler that looks away
		})
		if !errors.Is(err, ErrTxLost) {
			t.Errorf("the transaction: %v", err)
		}
	}
}

func cmpOr(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// One text may be open many times: the cache gives each its own statement.
func TestAQueryInsideItself(t *testing.T) {
	db := openItems(t)
	write(t, db, `INSERT INTO items (id) VALUES (1), (2), (3)`)
	var pairs [][2]int
	must(t, db.Write(bg, func(tx Tx) error {
		const all = `SELECT id FROM items ORDER BY id`
		outer, err := tx.QueryContext(bg, all)
		must(t, err)
		for outer.Next() {
			var a int
			must(t, outer.Scan(&a))
			inner, err := tx.QueryContext(bg, all)
			must(t, err)
			for inner.Next() {
				var b int
				must(t, inner.Scan(&b))
				pairs = append(pairs, [2]int{a, b})
			}
		}
		return outer.Err()
	}))
	if len(pairs) != 9 {
		t.Fatalf("%d pairs: %v", len(pairs), pairs)
	}
}

func TestRowsLeftOpenHarmNothing(t *testing.T) {
	db := openItems(t)
	write(t, db, `INSERT INTO items (id) VALUES (1), (2), (3)`)
	var leaked *sql.Rows
	must(t, db.Write(bg, func(tx Tx) error {
		rows, err := tx.QueryContext(bg, `UPDATE items SET note = 'x' RETURNING id`)
		leaked = rows
		return err
	}))
	if leaked.Next() {
		t.Fatal("rows outlived their transaction")
	}
	must(t, db.Write(bg, func(tx Tx) error {
		return tx.Savepoint(func() error {
			_, err := tx.QueryContext(bg, `UPDATE items SET note = 'y' RETURNING id`)
			return err
		})
	}))
	if n := count(t, db, `items WHERE note = 'y'`); n != 3 {
		t.Fatalf("%d rows changed", n)
	}
}

// Rows that were never scanned must not keep a lost connection from being replaced.
func TestAForgottenRowDoesNotBlockTheReplacement(t *testing.T) {
	db := openItems(t)
	write(t, db, `INSERT INTO items (id) VALUES (1)`)
	err := db.Write(bg, func(tx Tx) error {
		tx.QueryRowContext(bg, `SELECT id FROM items`)
		lose(t, tx)
		return nil
	})
	if !errors.Is(err, ErrTxLost) {
		t.Fatal(err)
	}
	write(t, db, `INSERT INTO items (id) VALUES (2)`)
}

func TestATxIsOverWhenItsFunctionReturns(t *testing.T) {
	db := openItems(t)
	var kept Tx
	must(t, db.Write(bg, func(tx Tx) error { kept = tx; return nil }))
	if _, err := kept.ExecContext(bg, `INSERT INTO items (id) VALUES (1)`); !errors.Is(err, ErrTxOver) {
		t.Fatalf("later: %v", err)
	}
	if err := kept.QueryRowContext(bg, `SELECT 1`).Scan(new(int)); !errors.Is(err, ErrTxOver) {
		t.Fatalf("later: %v", err)
	}
}

type amount int32

func TestArgumentsOfEveryKind(t *testing.T) {
	db := openItems(t)
	at := time.Date(2026, 1, 2, 3, 4, 5, 678, time.UTC)
	text := "t"
	for _, c := range []struct {
		arg  any
		want string
	}{
		{nil, "null"}, {"x", "text x"}, {[]byte("b"), "blob b"}, {7, "integer 7"}, {int64(-1), "integer -1"},
		{uint8(3), "integer 3"}, {amount(9), "integer 9"}, {true, "integer 1"}, {1.5, "real 1.5"}, {&text, "text t"},
		{(*string)(nil), "null"}, {sql.NullInt64{Int64: 4, Valid: true}, "integer 4"}, {sql.NullString{}, "null"},
		{at, "text 2026-01-02 03:04:05.000000678+00:00"},
	} {
		var got string
		must(t, db.Write(bg, func(tx Tx) error {
			_, err := tx.ExecContext(bg, `CREATE TEMP TABLE v AS SELECT trim(typeof(?1) || ' ' || coalesce(CAST(?1 AS TEXT), '')) AS v`, c.arg)
			must(t, err)
			must(t, tx.GetContext(bg, &got, `SELECT v FROM v`))
			_, err = tx.ExecContext(bg, `DROP TABLE v`)
			return err
		}))
		if got != c.want {
			t.Errorf("%v (%T): %q, want %q", c.arg, c.arg, got, c.want)
		}
	}
	must(t, db.Write(bg, func(tx Tx) error {
		_, err := tx.ExecContext(bg, `INSERT INTO items (id, note) VALUES (@id, @note)`, sql.Named("note", "n"), sql.Named("id", 1))
		must(t, err)
		if _, err := tx.ExecContext(bg, `SELECT ?`, make(chan int)); err == nil || !strings.Contains(err.Error(), "argument 1") {
			t.Errorf("a channel: %v", err)
		}
		return nil
	}))
	if count(t, db, `items WHERE id = 1 AND note = 'n'`) != 1 {
		t.Fatal("named arguments")
	}
}
