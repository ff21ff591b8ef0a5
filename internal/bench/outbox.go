package bench

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing/fstest"

	"github.com/girohq/giro/client"
	"github.com/girohq/giro/embedded"
	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/saga"
)

// callersFile is the database of the caller who starts sagas in its own transactions.
const callersFile = "caller.db"

// caller is door 4: a program with a database of its own.
type caller struct {
	*ends
	db      *outbox.DB
	starter *client.Starter
	stop    context.CancelFunc
	ended   chan error
}

// orders is what the caller keeps.
var orders = fstest.MapFS{"0001_orders.sql": {Data: []byte(`CREATE TABLE orders (id TEXT PRIMARY KEY) STRICT;`)}}

func openOutbox(ctx context.Context, cfg Config, c *client.Client, node *embedded.Node) (*caller, error) {
	e, err := listen(c, node, cfg.Prefix)
	if err != nil {
		return nil, err
	}
	db, err := outbox.Open(ctx, outbox.Config{Path: filepath.Join(cfg.Data, callersFile), Migrations: orders})
	if err != nil {
		return nil, errors.Join(err, e.close())
	}
	starter, err := client.NewStarter(client.StarterConfig{Client: c, Outbox: db, Log: cfg.Log})
	if err == nil {
		err = db.Write(ctx, func(tx outbox.Tx) error { return client.Migrate(ctx, tx) })
	}
	if err != nil {
		return nil, errors.Join(err, db.Close(), e.close())
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	o := &caller{ends: e, db: db, starter: starter, stop: stop, ended: make(chan error, 1)}
	go func() { o.ended <- starter.Run(running) }()
	return o, nil
}

// Start implements [drive.Starter]: an order and its start commit together, one transaction for each.
func (o *caller) Start(ctx context.Context, sagaType, id string, input any, _ ...client.StartOption) (saga.Document, error) {
	return o.after(ctx, id, func() error {
		err := o.db.Write(ctx, func(tx outbox.Tx) error {
			if _, err := tx.ExecContext(context.WithoutCancel(ctx), `INSERT INTO orders (id) VALUES (?) ON CONFLICT DO NOTHING`, id); err != nil {
				return err
			}
			_, err := client.StartTx(ctx, tx, sagaType, id, input)
			return err
		})
		if err != nil {
			return fmt.Errorf("order %s: %w", id, err)
		}
		o.starter.Wake()
		return nil
	})
}

func (o *caller) commits() int64 { return o.db.Commits() }

func (o *caller) close() error {
	o.stop()
	return errors.Join(<-o.ended, o.db.Close(), o.ends.close())
}
