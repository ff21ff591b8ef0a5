package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"testing/fstest"

	"github.com/girohq/giro/outbox"
)

// open makes a database with one table in a directory that the caller removes.
func open(ctx context.Context) (*outbox.DB, func()) {
	dir, err := os.MkdirTemp("", "outbox")
	if err != nil {
		log.Fatal(err)
	}
	db, err := outbox.Open(ctx, outbox.Config{
		Path: filepath.Join(dir, "shop.db"),
		Migrations: fstest.MapFS{
			"0001_orders.sql": {Data: []byte(`CREATE TABLE orders (id TEXT PRIMARY KEY, cents INTEGER NOT NULL) STRICT`)},
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	return db, func() {
		_ = db.Close()
		_ = os.RemoveAll(dir)
	}
}

// printer is a broker that stores everything at once.
type printer struct{ sent chan string }

func (p printer) Publish(m *outbox.Message, msgID string, done func(error)) {
	done(nil)
	p.sent <- fmt.Sprintf("%s %s (%s)", m.Subject, m.Body, msgID)
}

// The order and the message about it commit together: no crash leaves one without the other.
func Example() {
	ctx, cancel := context.WithCancel(context.Background())
	db, closeDB := open(ctx)
	defer closeDB()

	broker := printer{sent: make(chan string, 16)}
	relay := outbox.NewRelay(outbox.RelayConfig{DB: db, Publisher: broker})
	ended := make(chan error)
	go func() { ended <- relay.Run(ctx) }()

	m := outbox.Message{Key: "order-1", Subject: "orders.placed", Body: []byte(`{"cents":1200}`), Attempt: 1}
	err := db.Write(ctx, func(tx outbox.Tx) error {
		if _, err := tx.ExecContext(ctx, `INSERT INTO orders (id, cents) VALUES (?, ?)`, "order-1", 1200); err != nil {
			return err
		}
		return outbox.Put(tx, m)
	})
	if err != nil {
		log.Fatal(err)
	}
	relay.Committed([]outbox.Message{m}, nil)
	fmt.Println(<-broker.sent)

	cancel()
	fmt.Println(<-ended, relay.Depth())
	// Output:
	// orders.placed {"cents":1200} (order-1/1.1.1)
	// <nil> 1
}

// What fails in a savepoint leaves the rest of the transaction alone.
func ExampleTx() {
	ctx := context.Background()
	db, closeDB := open(ctx)
	defer closeDB()

	broke := errors.New("no money")
	_ = db.Write(ctx, func(tx outbox.Tx) error {
		place := func(id string, cents int, verdict error) error {
			return tx.Savepoint(func() error {
				if _, err := tx.ExecContext(ctx, `INSERT INTO orders (id, cents) VALUES (?, ?)`, id, cents); err != nil {
					return err
				}
				return verdict
			})
		}
		fmt.Println(place("order-1", 100, nil))
		fmt.Println(place("order-2", 200, broke))
		return nil
	})
	var ids []string
	_ = db.Read().Select(&ids, `SELECT id FROM orders`)
	fmt.Println(ids)
	// Output:
	// <nil>
	// no money
	// [order-1]
}

// cashier books payments. What it counts follows what is committed.
type cashier struct{ pending, booked int }

func (c *cashier) Begin() { c.pending = 0 }

func (c *cashier) Apply(tx outbox.Tx, cents int) error {
	if cents < 0 {
		return errors.New("negative")
	}
	c.pending += cents
	_, err := tx.ExecContext(context.Background(), `INSERT INTO orders (id, cents) VALUES (hex(randomblob(8)), ?)`, cents)
	return err
}

func (c *cashier) Committed([]int)             { c.booked += c.pending }
func (c *cashier) Failed(cents int, err error) { fmt.Println(cents, err) }

// Items that wait together are committed together; a bad one takes no other with it.
func ExampleLoop() {
	ctx, cancel := context.WithCancel(context.Background())
	db, closeDB := open(ctx)
	defer closeDB()

	c := &cashier{}
	loop := outbox.NewLoop(db, outbox.Worker[int](c), 8)
	for _, cents := range []int{100, -1, 200} {
		if err := loop.Submit(ctx, cents); err != nil {
			log.Fatal(err)
		}
	}
	cancel() // Run works off what is queued
	fmt.Println(loop.Run(ctx), c.booked)
	// Output:
	// -1 negative
	// <nil> 300
}
