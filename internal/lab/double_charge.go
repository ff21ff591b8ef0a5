package lab

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"

	"github.com/girohq/giro/participants"
	"github.com/girohq/giro/saga"
	"github.com/mattn/go-sqlite3"
)

func doubleCharge() Experiment {
	both := []Database{SQLite, Postgres}
	return Experiment{
		Name:      "double-charge",
		Sentence:  "A request whose answer was lost is sent again, and is done again.",
		Operation: "a charge that is delivered two or three times, partly at the same time",
		Anomaly:   "a charge beyond the one that was asked for, or one that is missing",
		Techniques: []Technique{
			{Name: None, On: both, Prepare: charged("", (*charging).plain),
				Sentence: "Each delivery charges."},
			{Name: "remembered", Kind: "idempotency", On: both, Prepare: charged("", (*charging).remembered),
				Sentence: "Look for the key, charge, and record the key, each in a transaction of its own: two deliveries look before one records."},
			{Name: "key", Kind: "idempotency", Claims: true, On: both, Prepare: charged("", (*charging).keyed),
				Sentence: "The first statement of the charge's transaction inserts the request's key; a delivery that finds it there does nothing."},
			{Name: "unique", Kind: "constraint", Claims: true, On: both, Prepare: charged(`; CREATE UNIQUE INDEX once ON charges (request)`, (*charging).constrained),
				Sentence: "Each delivery charges, and a unique index refuses the second entry, and with it the transaction: the entries of a ledger have such a key."},
			{Name: "inbox", Kind: "idempotency", Claims: true, On: both, Prepare: chargedByParticipant,
				Sentence: "A participant of Giro: its inbox gives every delivery the answer of the first. Its commits are synced."},
		},
	}
}

// chargeTables have a row for each charge, and what each account was charged.
const chargeTables = `
CREATE TABLE charges (request BIGINT NOT NULL, account BIGINT NOT NULL);
CREATE TABLE charged (account BIGINT PRIMARY KEY, total BIGINT NOT NULL);
CREATE TABLE requests (request BIGINT PRIMARY KEY)`

const (
	addCharge  = `INSERT INTO charges (request, account) VALUES ($1, $2)`
	addToTotal = `INSERT INTO charged (account, total) VALUES ($1, 1) ON CONFLICT (account) DO UPDATE SET total = charged.total + 1`
	addRequest = `INSERT INTO requests (request) VALUES ($1) ON CONFLICT DO NOTHING`

	countCharges = `SELECT count(*), count(DISTINCT request) FROM charges`
)

// executor is a transaction in which a charge is made: one of the laboratory's, or of a participant.
type executor interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

func charge(ctx context.Context, tx executor, request, account int) error {
	if _, err := tx.ExecContext(ctx, addCharge, request, account); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, addToTotal, account)
	return err
}

// deliver delivers a request two or three times. The first and some of the others come together, the
// rest when those were answered.
func deliver(ctx context.Context, r *rand.Rand, do func(ctx context.Context) error) error {
	times := 2 + r.IntN(2)
	together := 1 + r.IntN(times)
	errs := make([]error, times)
	var all sync.WaitGroup
	for i := range together {
		all.Go(func() { errs[i] = do(ctx) })
	}
	all.Wait()
	for i := together; i < times; i++ {
		errs[i] = do(ctx)
	}
	return errors.Join(errs...)
}

// charging is accounts that are charged in a database of the laboratory.
type charging struct {
	load Load
	db   *DB
	met  Met
}

func charged(more string, one func(c *charging, ctx context.Context, request, account int) error) preparation {
	return func(ctx context.Context, w *World, on Database, load Load) (*Trial, error) {
		db, err := w.Open(ctx, on, load.conns(on), chargeTables+more)
		if err != nil {
			return nil, err
		}
		c := &charging{load: load, db: db}
		do := func(ctx context.Context, _, n int) error {
			return deliver(ctx, load.draw(n), func(ctx context.Context) error { return one(c, ctx, n, n%load.Keys) })
		}
		return &Trial{Do: do, Met: &c.met, Close: db.Close, Anomalies: func(ctx context.Context) (int, error) {
			return miscounted(db.QueryRowContext(ctx, countCharges), load)
		}}, nil
	}
}

// miscounted is the charges too many and those that are missing. No request is refused.
func miscounted(row *sql.Row, load Load) (int, error) {
	var charges, requests int
	if err := row.Scan(&charges, &requests); err != nil {
		return 0, fmt.Errorf("count charges: %w", err)
	}
	return charges - requests + load.Ops - requests, nil
}

func (c *charging) plain(ctx context.Context, request, account int) error {
	return c.db.InTx(ctx, nil, func(tx *sql.Tx) error { return charge(ctx, tx, request, account) })
}

func (c *charging) remembered(ctx context.Context, request, account int) error {
	var known int
	err := c.db.QueryRowContext(ctx, `SELECT count(*) FROM requests WHERE request = $1`, request).Scan(&known)
	if err != nil || known > 0 {
		c.met.Conflicts.Add(int64(known))
		return err
	}
	runtime.Gosched()
	if err := c.plain(ctx, request, account); err != nil {
		return err
	}
	_, err = c.db.ExecContext(ctx, addRequest, request)
	return err
}

func (c *charging) keyed(ctx context.Context, request, account int) error {
	return c.db.InTx(ctx, nil, func(tx *sql.Tx) error {
		fresh, err := changed(tx.ExecContext(ctx, addRequest, request))
		if err != nil {
			return err
		}
		if !fresh {
			c.met.Conflicts.Add(1)
			return nil
		}
		return charge(ctx, tx, request, account)
	})
}

func (c *charging) constrained(ctx context.Context, request, account int) error {
	err := c.plain(ctx, request, account)
	if duplicate(err) {
		c.met.Conflicts.Add(1)
		return nil // it was charged by an earlier delivery
	}
	return err
}

// uniqueViolation is what Postgres says of a row whose key is there.
const uniqueViolation = "23505"

func duplicate(err error) bool {
	var e sqlite3.Error
	return codeOf(err) == uniqueViolation || errors.As(err, &e) && e.ExtendedCode == sqlite3.ErrConstraintUnique
}

// chargeOrder is the argument of a participant's charge.
type chargeOrder struct {
	Request int `json:"request"`
	Account int `json:"account"`
}

func chargedByParticipant(ctx context.Context, w *World, on Database, load Load) (*Trial, error) {
	s, err := newStation(ctx, w, on, chargeTables, func(p *participants.Participant) {
		participants.Handle(p, "charge", func(ctx context.Context, tx participants.Tx, o chargeOrder) (struct{}, error) {
			return struct{}{}, charge(ctx, tx, o.Request, o.Account)
		})
	})
	if err != nil {
		return nil, err
	}
	do := func(ctx context.Context, _, n int) error {
		c := saga.Command{SagaID: fmt.Sprint("r", n), Step: "charge", Action: "charge", Direction: saga.Forward,
			Body: fmt.Appendf(nil, `{"request":%d,"account":%d}`, n, n%load.Keys)}
		return deliver(ctx, load.draw(n), func(ctx context.Context) error { return s.ask(ctx, n%load.Keys, c) })
	}
	return &Trial{Do: do, Close: s.close, Anomalies: func(ctx context.Context) (int, error) {
		return miscounted(s.Read().QueryRowContext(ctx, countCharges), load)
	}}, nil
}
