package outboxtest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/girohq/giro/outbox"
)

var bg = context.Background()

// Open opens one database, the same at each call of a test; it is closed in between.
type Open func() (outbox.Database, error)

// Run runs the suite. fresh names a new, empty database for one test.
func Run(t *testing.T, fresh func(t *testing.T) Open) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, open Open)
	}{
		{"boots are counted", boots},
		{"a write is whole", whole},
		{"savepoints", savepoints},
		{"a handler cannot end its transaction", endless},
		{"a context stops no statement", contexts},
		{"a transaction is over", over},
		{"readers", readers},
		{"rows are frozen", frozen},
		{"rows are refused", refused},
		{"rows have an order over boots", ordered},
		{"a bad item fails alone", alone},
		{"loops take turns", turns},
		{"the end loses no item", end},
		{"first sends", first},
		{"a restart sends what is unanswered", restart},
		{"silence", silence},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, fresh(t)) })
	}
}

func open(t *testing.T, by Open) outbox.Database {
	t.Helper()
	db, err := by()
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	return db
}

// items is a database with the table items, which most tests write to.
func items(t *testing.T, by Open) outbox.Database {
	t.Helper()
	db := open(t, by)
	must(t, db.Write(bg, func(tx outbox.Tx) error {
		_, err := tx.ExecContext(bg, `CREATE TABLE items (id BIGINT PRIMARY KEY)`)
		return err
	}))
	return db
}

func insert(tx outbox.Tx, id int) error {
	_, err := tx.ExecContext(bg, `INSERT INTO items (id) VALUES (?)`, id)
	return err
}

func put(t *testing.T, db outbox.Database, all ...outbox.Message) {
	t.Helper()
	must(t, db.Write(bg, func(tx outbox.Tx) error {
		for _, m := range all {
			if err := outbox.Put(tx, m); err != nil {
				return err
			}
		}
		return nil
	}))
}

func message(key string) outbox.Message {
	return outbox.Message{Key: key, Subject: "s", Header: map[string][]string{"H": {"h"}}, Body: []byte(key), Attempt: 1}
}

// want compares what stands in the table items.
func want(t *testing.T, db outbox.Database, ids ...int) {
	t.Helper()
	var got []int
	must(t, db.Read().Select(&got, `SELECT id FROM items ORDER BY id`))
	if !slices.Equal(got, ids) {
		t.Errorf("items %v, want %v", got, ids)
	}
}

func wantKeys(t *testing.T, db outbox.Database, keys ...string) {
	t.Helper()
	var got []string
	must(t, db.Read().Select(&got, `SELECT key FROM outbox ORDER BY seq`))
	if fmt.Sprint(got) != fmt.Sprint(keys) {
		t.Errorf("rows %v, want %v", got, keys)
	}
}

// receive waits with the patience of a busy machine.
func receive[T any](t *testing.T, from <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-from:
	case <-time.After(time.Minute):
		t.Fatal("nothing came")
	}
	return v
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

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
