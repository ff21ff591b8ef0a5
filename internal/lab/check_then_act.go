package lab

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"
)

func checkThenAct() Experiment {
	both, sqlite, postgres := []Database{SQLite, Postgres}, []Database{SQLite}, []Database{Postgres}
	return Experiment{
		Name: "check-then-act",
		Sentence: "A customer may overdraw one of two accounts if both together are not below zero. " +
			"Two withdrawals check the sum, and each takes from another account.",
		Operation: fmt.Sprintf("a withdrawal; each customer tries %d and has money for %d", askers, affordable),
		Anomaly:   "a customer whose accounts together are below zero, or a withdrawal that was acknowledged and not taken",
		Techniques: []Technique{
			{Name: None, On: both, Prepare: withdrawing((*pairs).apart),
				Sentence: "Read the sum, look whether it is enough, take; each statement is a transaction of its own."},
			{Name: "read-committed", Kind: "pessimistic locking", On: postgres, Prepare: withdrawing(inTx(sql.LevelReadCommitted)),
				Sentence: "The same in one transaction at the default level. A transaction alone is no protection: nobody waits for what was only read."},
			{Name: "repeatable-read", Kind: "optimistic locking", On: postgres, Prepare: withdrawing(inTx(sql.LevelRepeatableRead)),
				Sentence: "The same on a snapshot, run again when Postgres refuses it. Two that write different rows are not refused: write skew."},
			{Name: "one-statement-read-committed", Kind: "atomic operation", On: postgres, Prepare: withdrawing((*pairs).guarded),
				Sentence: "One UPDATE whose WHERE sums up both accounts. In Postgres the sum is that of a snapshot, and only the account that is written is looked at again."},
			{Name: "one-statement", Kind: "atomic operation", Claims: true, On: sqlite, Prepare: withdrawing((*pairs).guarded),
				Sentence: "One UPDATE whose WHERE sums up both accounts: right where there is one writer."},
			{Name: "immediate", Kind: "pessimistic locking", Claims: true, On: sqlite, Prepare: withdrawing((*pairs).immediate),
				Sentence: "Read, look and take in one transaction that has the file's only lock from its beginning."},
			{Name: "row-locks", Kind: "pessimistic locking", Claims: true, On: postgres, Prepare: withdrawing((*pairs).rowLocks),
				Sentence: "SELECT ... FOR UPDATE of both accounts, always in the same order, then look and take."},
			{Name: "serializable", Kind: "optimistic locking", Claims: true, On: postgres, Prepare: withdrawing(inTx(sql.LevelSerializable)),
				Sentence: "One serializable transaction, run again when Postgres refuses it (40001)."},
			{Name: "constraint", Kind: "constraint", Claims: true, On: both, Prepare: withdrawing((*pairs).constrained),
				Sentence: "The sum is a row of its own with CHECK (total >= 0), changed first and in the same transaction."},
		},
	}
}

const (
	withdrawal = 100
	affordable = 2 // withdrawals that a customer has money for
)

const pairSchema = `
CREATE TABLE pairs (customer BIGINT NOT NULL, side BIGINT NOT NULL, balance BIGINT NOT NULL, PRIMARY KEY (customer, side));
CREATE TABLE totals (customer BIGINT PRIMARY KEY, total BIGINT NOT NULL CHECK (total >= 0))`

// pairs are customers with two accounts each. Money is only taken, so what was taken too much shows
// when all is done.
type pairs struct {
	load  Load
	db    *DB
	taken atomic.Int64 // withdrawals that were acknowledged
	met   Met
}

// take is a withdrawal from one account, side, of a customer.
type take func(p *pairs, ctx context.Context, customer, side int) error

func withdrawing(t take) preparation {
	return func(ctx context.Context, w *World, on Database, load Load) (*Trial, error) {
		db, err := w.Open(ctx, on, load.conns(on), pairSchema)
		if err != nil {
			return nil, err
		}
		for _, open := range []string{
			`INSERT INTO pairs SELECT n, 0, %[1]d FROM series`, // half of the money on each
			`INSERT INTO pairs SELECT n, 1, %[1]d FROM series`,
			`INSERT INTO totals SELECT n, 2 * %[1]d FROM series`,
		} {
			if _, err := db.ExecContext(ctx, series(load.things())+fmt.Sprintf(open, affordable*withdrawal/2)); err != nil {
				return nil, errors.Join(err, db.Close())
			}
		}
		p := &pairs{load: load, db: db}
		do := func(ctx context.Context, _, n int) error {
			customer, asker := load.asked(n)
			if err := t(p, ctx, customer, asker%2); err != nil {
				return err
			}
			p.taken.Add(1)
			return nil
		}
		return &Trial{Do: do, Anomalies: p.wrong, Met: &p.met, Close: db.Close}, nil
	}
}

const (
	sumPair  = `SELECT sum(balance) FROM pairs WHERE customer = $1`
	takeSide = `UPDATE pairs SET balance = balance - $1 WHERE customer = $2 AND side = $3`
)

// checked takes if there is enough. That it still is enough when it takes is the business of q.
func checked(ctx context.Context, q querier, customer, side int) error {
	var sum int64
	if err := q.QueryRowContext(ctx, sumPair, customer).Scan(&sum); err != nil {
		return err
	}
	if sum < withdrawal {
		return ErrRefused
	}
	_, err := q.ExecContext(ctx, takeSide, withdrawal, customer, side)
	return err
}

func (p *pairs) apart(ctx context.Context, customer, side int) error {
	return checked(ctx, p.db, customer, side)
}

func (p *pairs) immediate(ctx context.Context, customer, side int) error {
	return p.db.InTx(ctx, nil, func(tx *sql.Tx) error { return checked(ctx, tx, customer, side) })
}

// inTx is a withdrawal in one transaction of a level of isolation.
func inTx(level sql.IsolationLevel) take {
	return func(p *pairs, ctx context.Context, customer, side int) error {
		return p.db.retried(ctx, &p.met, level, func(tx *sql.Tx) error { return checked(ctx, tx, customer, side) })
	}
}

func (p *pairs) guarded(ctx context.Context, customer, side int) error {
	taken, err := changed(p.db.ExecContext(ctx, takeSide+` AND (SELECT sum(balance) FROM pairs WHERE customer = $2) >= $1`,
		withdrawal, customer, side))
	if err == nil && !taken {
		err = ErrRefused
	}
	return err
}

// rowLocks has both rows before it looks at either.
func (p *pairs) rowLocks(ctx context.Context, customer, side int) error {
	return p.db.InTx(ctx, nil, func(tx *sql.Tx) error {
		var sum int64
		err := tx.QueryRowContext(ctx, `SELECT sum(balance) FROM
			(SELECT balance FROM pairs WHERE customer = $1 ORDER BY side FOR UPDATE) locked`, customer).Scan(&sum)
		if err != nil {
			return err
		}
		if sum < withdrawal {
			return ErrRefused
		}
		_, err = tx.ExecContext(ctx, takeSide, withdrawal, customer, side)
		return err
	})
}

// constrained changes the sum first: who waits for that row holds nothing that others wait for.
func (p *pairs) constrained(ctx context.Context, customer, side int) error {
	return p.db.InTx(ctx, nil, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE totals SET total = total - $1 WHERE customer = $2`, withdrawal, customer)
		switch {
		case violates(err):
			return ErrRefused
		case err != nil:
			return err
		}
		_, err = tx.ExecContext(ctx, takeSide, withdrawal, customer, side)
		return err
	})
}

// wrong counts the customers below zero, and the withdrawals by which the accounts and what was
// acknowledged differ.
func (p *pairs) wrong(ctx context.Context) (int, error) {
	var below int
	var left int64
	err := p.db.QueryRowContext(ctx, `SELECT coalesce(sum(CASE WHEN both_sides < 0 THEN 1 ELSE 0 END), 0), sum(both_sides)
		FROM (SELECT sum(balance) AS both_sides FROM pairs GROUP BY customer) customers`).Scan(&below, &left)
	if err != nil {
		return 0, err
	}
	return below + distance(p.taken.Load(), int64(p.load.things()*affordable)-left/withdrawal), nil
}
