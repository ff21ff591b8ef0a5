package client_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/girohq/giro/client"
	"github.com/girohq/giro/embedded"
	"github.com/girohq/giro/participants/ledger"
	"github.com/girohq/giro/saga"
)

// An order and the transfer that pays for it commit together, in the shop's own database: neither a
// crash nor a broker that is away leaves one without the other. Here the second order is rolled back,
// and the third is of a kind that the orchestrator refuses: the shop is told, in its own database.
func Example() {
	withShop(func(ctx context.Context, c *client.Client, db *sql.DB) error {
		starter, err := client.NewStarter(client.StarterConfig{Client: c, DB: db, Refused: refuse})
		if err != nil {
			return err
		}
		ctx, cancel := context.WithCancel(ctx)
		ended := make(chan error, 1)
		go func() { ended <- starter.Run(ctx) }()

		err = errors.Join(
			placeOne(ctx, db, "order-1", "transfer", (*sql.Tx).Commit),
			placeOne(ctx, db, "order-2", "transfer", (*sql.Tx).Rollback),
			placeOne(ctx, db, "order-3", "teleport", (*sql.Tx).Commit),
		)
		for waiting := 1; waiting > 0 && err == nil; { // for the example only: the starter needs no watching
			err = db.QueryRowContext(ctx, `SELECT count(*) FROM giro_starts`).Scan(&waiting)
		}
		for _, id := range []string{"order-1", "order-2", "order-3"} {
			var state string
			_ = db.QueryRowContext(ctx, `SELECT state FROM orders WHERE id = ?`, id).Scan(&state)
			doc, _ := c.Wait(ctx, id)
			fmt.Printf("%s: order %q, saga %q\n", id, state, doc.State)
		}
		cancel()
		return errors.Join(err, <-ended)
	})
	// Output:
	// order-1: order "placed", saga "completed"
	// order-2: order "", saga ""
	// order-3: order "not_found", saga ""
}

// placeOne writes an order and starts its saga in one transaction, which end ends.
func placeOne(ctx context.Context, db *sql.DB, id, sagaType string, end func(*sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // of what was not committed
	if _, err := tx.ExecContext(ctx, `INSERT INTO orders (id, state) VALUES (?, 'placed')`, id); err != nil {
		return err
	}
	if _, err := client.StartTx(ctx, tx, sagaType, id, order(24500), client.WithLane("customer-7")); err != nil {
		return err
	}
	return end(tx)
}

// refuse notes at the order why its saga will never be, and lets the start go.
func refuse(ctx context.Context, tx client.Tx, r client.Refusal) (client.Verdict, error) {
	_, err := tx.ExecContext(ctx, `UPDATE orders SET state = ? WHERE id = ?`, r.Problem.Code, r.ID)
	return client.Discard, err
}

// withShop is withServer with the database of a shop, which may be opened by anyone: its commits must be
// synced, and transactions should begin as writers.
func withShop(do func(context.Context, *client.Client, *sql.DB) error) {
	withServer(func(ctx context.Context, c *client.Client) error {
		dir, err := os.MkdirTemp("", "giro-shop")
		if err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(dir) }() // left to the system's own cleaning
		db, err := sql.Open("sqlite3", filepath.Join(dir, "shop.db")+"?_journal_mode=WAL&_synchronous=FULL&_txlock=immediate")
		if err != nil {
			return err
		}
		defer db.Close()
		if _, err := db.ExecContext(ctx, `CREATE TABLE orders (id TEXT PRIMARY KEY, state TEXT NOT NULL) STRICT`); err != nil {
			return err
		}
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		if err := client.Migrate(ctx, tx); err != nil {
			return errors.Join(err, tx.Rollback())
		}
		return errors.Join(tx.Commit(), do(ctx, c, db))
	})
}

// A transfer is started and waited for. The same start again is the same transfer; another one
// under its id is refused.
func ExampleClient_Start() {
	withServer(func(ctx context.Context, c *client.Client) error {
		for range 2 {
			doc, err := c.Start(ctx, "transfer", "order-1", order(24500), client.WithWait(10*time.Second))
			if err != nil {
				return err
			}
			fmt.Println(doc.ID, doc.State)
		}
		_, err := c.Start(ctx, "transfer", "order-1", order(1))
		var problem *client.Problem
		if errors.As(err, &problem) {
			fmt.Println(problem.Code)
		}
		return nil
	})
	// Output:
	// order-1 completed
	// order-1 completed
	// conflict
}

// A transfer is handed to the broker, whether an orchestrator is up or not. To be sure of it, and
// to learn its end, the same start is repeated as a request: it is the same transfer.
func ExampleClient_Publish() {
	withServer(func(ctx context.Context, c *client.Client) error {
		id, err := c.Publish(ctx, "transfer", "order-2", order(100))
		if err != nil {
			return err
		}
		fmt.Println("published", id)
		doc, err := c.Start(ctx, "transfer", id, order(100), client.WithWait(10*time.Second))
		if err != nil {
			return err
		}
		fmt.Println(doc.State)
		return nil
	})
	// Output:
	// published order-2
	// completed
}

func order(cents int) map[string]any {
	return map[string]any{
		"from":   map[string]string{"bank": "HOME", "account": "1"},
		"to":     map[string]string{"bank": "AWAY", "account": "7"},
		"amount": cents, "currency": "EUR",
	}
}

// withServer runs everything in this process, and do with a client of it.
func withServer(do func(context.Context, *client.Client) error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	dir, err := os.MkdirTemp("", "giro-example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }() // left to the system's own cleaning
	node, err := embedded.New(ctx, embedded.Config{
		Data: dir, Definitions: []*saga.Definition{saga.Transfer()}, Banks: []ledger.Branch{
			{Bank: "HOME", Accounts: []ledger.Account{{Account: "1", Currency: "EUR", Balance: 1_000_00}}},
			{Bank: "AWAY", Accounts: []ledger.Account{{Account: "7", Currency: "EUR"}}},
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ended := make(chan error, 1)
	go func() { ended <- node.Run(ctx) }()
	err = errors.Join(node.Ready(ctx), connected(ctx, node, do))
	cancel()
	if err := errors.Join(err, <-ended); err != nil {
		fmt.Println(err)
	}
}

func connected(ctx context.Context, node *embedded.Node, do func(context.Context, *client.Client) error) error {
	conn, err := node.Connect("example")
	if err != nil {
		return err
	}
	defer conn.Close()
	c, err := client.New(conn)
	if err != nil {
		return err
	}
	return do(ctx, c)
}
