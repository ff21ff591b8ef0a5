package lab

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"
)

func oversoldCounter() Experiment {
	tables, everywhere := []Database{SQLite, Postgres}, []Database{SQLite, Postgres, Broker}
	const plain, checked = "", " CHECK (sold <= seats)"
	return Experiment{
		Name:      "oversold-counter",
		Sentence:  "Two see that a seat is left, and both sell it.",
		Operation: "a sale of one seat; there are twice as many buyers as seats",
		Anomaly:   "a sale that has no seat, or that the counter does not show; or one that it shows and nobody made",
		Techniques: []Technique{
			{Name: None, On: everywhere, Prepare: onTablesOrBroker(selling(plain, (*hall).apart), sellingByKey((*bucket).overwrite)),
				Sentence: "Read the counter, look whether a seat is left, write the counter plus one."},
			{Name: "atomic", Kind: "atomic operation", Claims: true, On: tables, Prepare: selling(plain, (*hall).guarded),
				Sentence: "UPDATE ... SET sold = sold + 1 WHERE sold < seats: whether it changed a row is the answer."},
			{Name: "constraint", Kind: "constraint", Claims: true, On: tables, Prepare: selling(checked, (*hall).blind),
				Sentence: "UPDATE ... SET sold = sold + 1, and CHECK (sold <= seats) refuses it."},
			{Name: "pessimistic", Kind: "pessimistic locking", Claims: true, On: tables, Prepare: selling(plain, (*hall).locked),
				Sentence: "Lock the row, then read, look and write: SELECT FOR UPDATE in Postgres, an immediate transaction in SQLite."},
			{Name: "revision", Kind: "optimistic locking", Claims: true, On: []Database{Broker}, Prepare: sellingByKey((*bucket).compareAndSet),
				Sentence: "A key-value bucket takes the write only if the key still has the revision that was read, else read again, 64 times at most."},
			{Name: "counter", Kind: "atomic operation", Claims: true, On: []Database{Broker}, Prepare: sellingByCounter,
				Sentence: "The broker adds and answers the sum; what is above the seats is given back: package coordination's Counters, and Limit on them."},
		},
	}
}

// sale is what has been sold of some events, all with the same number of seats.
type sale struct {
	load  Load
	seats int64
	sold  []atomic.Int64 // acknowledged, by event
	met   Met
}

func newSale(load Load) *sale {
	return &sale{load: load, seats: max(1, int64(load.Ops/2/load.Keys)), sold: make([]atomic.Int64, load.Keys)}
}

// trial sells by one function and reads the counter of an event by another.
func (s *sale) trial(sell func(ctx context.Context, event int) error, shown func(ctx context.Context, event int) (int64, error)) *Trial {
	return &Trial{
		Do: func(ctx context.Context, _, n int) error {
			event := s.load.draw(n).IntN(s.load.Keys)
			if err := sell(ctx, event); err != nil {
				return err
			}
			s.sold[event].Add(1)
			return nil
		},
		Anomalies: func(ctx context.Context) (wrong int, err error) {
			for event := range s.sold {
				counter, err := shown(ctx, event)
				if err != nil {
					return 0, err
				}
				sold := s.sold[event].Load()
				wrong += int(max(sold-min(counter, s.seats), 0) + max(counter-sold, 0))
			}
			return wrong, nil
		},
		Met: &s.met,
	}
}

// onTablesOrBroker takes one way for databases with tables, and another for the broker.
func onTablesOrBroker(tables, broker preparation) preparation {
	return func(ctx context.Context, w *World, on Database, load Load) (*Trial, error) {
		if on == Broker {
			return broker(ctx, w, on, load)
		}
		return tables(ctx, w, on, load)
	}
}

// hall has the events in a table.
type hall struct {
	*sale
	db *DB
}

func selling(constraint string, sell func(*hall, context.Context, int) error) preparation {
	return func(ctx context.Context, w *World, on Database, load Load) (*Trial, error) {
		schema := fmt.Sprintf(`CREATE TABLE events (event BIGINT PRIMARY KEY, seats BIGINT NOT NULL, sold BIGINT NOT NULL DEFAULT 0%s)`, constraint)
		db, err := w.Open(ctx, on, load.conns(on), schema)
		if err != nil {
			return nil, err
		}
		h := &hall{sale: newSale(load), db: db}
		opened := series(load.Keys) + fmt.Sprintf(`INSERT INTO events (event, seats) SELECT n, %d FROM series`, h.seats)
		if _, err := db.ExecContext(ctx, opened); err != nil {
			return nil, errors.Join(err, db.Close())
		}
		t := h.trial(func(ctx context.Context, event int) error { return sell(h, ctx, event) }, h.shown)
		t.Close = db.Close
		return t, nil
	}
}

func (h *hall) shown(ctx context.Context, event int) (sold int64, err error) {
	err = h.db.QueryRowContext(ctx, `SELECT sold FROM events WHERE event = $1`, event).Scan(&sold)
	return sold, err
}

func (h *hall) apart(ctx context.Context, event int) error {
	return next(ctx, h.db, `SELECT seats, sold FROM events WHERE event = $1`, event)
}

func (h *hall) locked(ctx context.Context, event int) error {
	query := `SELECT seats, sold FROM events WHERE event = $1`
	if h.db.On == Postgres {
		query += ` FOR UPDATE`
	}
	return h.db.InTx(ctx, nil, func(tx *sql.Tx) error { return next(ctx, tx, query, event) })
}

// querier is a transaction, or a database of which each statement is one.
type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// next sells what it sees as the next seat.
func next(ctx context.Context, q querier, query string, event int) error {
	var seats, sold int64
	if err := q.QueryRowContext(ctx, query, event).Scan(&seats, &sold); err != nil {
		return err
	}
	if sold >= seats {
		return ErrRefused
	}
	_, err := q.ExecContext(ctx, `UPDATE events SET sold = $1 WHERE event = $2`, sold+1, event)
	return err
}

func (h *hall) guarded(ctx context.Context, event int) error {
	sold, err := changed(h.db.ExecContext(ctx, `UPDATE events SET sold = sold + 1 WHERE event = $1 AND sold < seats`, event))
	if err == nil && !sold {
		err = ErrRefused
	}
	return err
}

func (h *hall) blind(ctx context.Context, event int) error {
	_, err := h.db.ExecContext(ctx, `UPDATE events SET sold = sold + 1 WHERE event = $1`, event)
	if violates(err) {
		return ErrRefused
	}
	return err
}
