package lab

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/girohq/giro/coordination"
	"github.com/girohq/giro/participants/ledger"
	"github.com/girohq/giro/races"
)

func lostUpdate() Experiment {
	both := []Database{SQLite, Postgres}
	return Experiment{
		Name:      "lost-update",
		Sentence:  "Two read a balance, both compute, both write: the second write undoes the first.",
		Operation: "a change of a balance, half of them take and half give",
		Anomaly:   "a change that was acknowledged and is missing from the balance",
		Techniques: []Technique{
			{Name: None, On: both, Prepare: changing(ledger.Unprotected, (*accounts).apart),
				Sentence: "Read the balance, compute, write the result, each in a transaction of its own."},
			{Name: "atomic", Kind: "atomic operation", Claims: true, On: both, Prepare: changing(ledger.Atomic, (*accounts).inTx),
				Sentence: "One relative update whose WHERE checks the money: the default of a bank."},
			{Name: "optimistic", Kind: "optimistic locking", Claims: true, On: both, Prepare: changing(ledger.Optimistic, (*accounts).apart),
				Sentence: "Write only if the version is still the one that was read, else read again, 8 times at most: a bank's strategy optimistic."},
			{Name: "pessimistic", Kind: "pessimistic locking", Claims: true, On: both, Prepare: changing(ledger.Pessimistic, (*accounts).inTx),
				Sentence: "Lock, then read, compute and write: SELECT FOR UPDATE in Postgres, an immediate transaction in SQLite."},
			{Name: "ordered", Kind: "ordered events", Claims: true, On: both, Prepare: changing(ledger.Ordered, (*accounts).inLane),
				Sentence: "One writer for each account does its changes one after the other, as the consumer of a subject per account does."},
			{Name: "locked", Kind: "distributed lock", Claims: true, On: both, Prepare: changing(ledger.Locked, (*accounts).underLock),
				Sentence: "Hold the account's lock on the broker, and check its fencing token in the transaction that writes. In SQLite, which has one writer, that transaction alone would do."},
			{Name: "serializable", Kind: "optimistic locking", Claims: true, On: []Database{Postgres}, Prepare: changing(ledger.Unprotected, (*accounts).serializable),
				Sentence: "Read, compute and write in one serializable transaction, and run it again when Postgres refuses it (40001)."},
		},
	}
}

const (
	labBank        = "lab"
	openingBalance = 1_000_000_000 // nobody runs out of money, which would be another experiment
	maxChange      = 100
)

// accounts are those of a bank, changed by its own code.
type accounts struct {
	load  Load
	db    *DB
	mover *ledger.Mover
	locks *lockset // for ledger.Locked
	lanes *lanes   // for ledger.Ordered
	met   Met
	races races.Counts

	sums    []atomic.Int64 // what was acknowledged, by account
	changes []atomic.Int64 // how many they were
}

func changing(s ledger.Strategy, move func(*accounts, context.Context, int, ledger.Change) error) preparation {
	return func(ctx context.Context, w *World, on Database, load Load) (*Trial, error) {
		a := &accounts{load: load, sums: make([]atomic.Int64, load.Keys), changes: make([]atomic.Int64, load.Keys)}
		if err := a.open(ctx, w, on, s); err != nil {
			return nil, errors.Join(err, a.close())
		}
		do := func(ctx context.Context, _, n int) error {
			account, c := a.draw(n)
			if err := move(a, ctx, account, c); err != nil {
				return refusal(err)
			}
			a.sums[account].Add(c.Balance)
			a.changes[account].Add(1)
			return nil
		}
		return &Trial{Do: do, Anomalies: a.missing, Met: &a.met, Close: a.close}, nil
	}
}

// open makes the accounts, and what a strategy needs besides them.
func (a *accounts) open(ctx context.Context, w *World, on Database, s ledger.Strategy) (err error) {
	if a.mover, err = ledger.NewMover(ledger.MoverConfig{Strategy: s, Bank: labBank, Postgres: on == Postgres, Races: &a.races}); err != nil {
		return err
	}
	schema, err := bankSchema(on)
	if err != nil {
		return err
	}
	if a.db, err = w.Open(ctx, on, a.load.conns(on), schema); err != nil {
		return err
	}
	if _, err := a.db.ExecContext(ctx, series(a.load.Keys)+fmt.Sprintf(
		`INSERT INTO accounts (account, currency, balance) SELECT 'a' || n, 'EUR', %d FROM series`, openingBalance)); err != nil {
		return err
	}
	switch s {
	case ledger.Ordered:
		a.lanes = newLanes(min(a.load.Keys, a.load.Workers))
	case ledger.Locked:
		a.locks, err = w.openLockset(ctx)
	}
	return err
}

// bankSchema is that of a bank's own migrations.
func bankSchema(on Database) (string, error) {
	migrations := ledger.Migrations()
	if on == Postgres {
		migrations = ledger.PostgresMigrations()
	}
	names, err := fs.Glob(migrations, "*.sql")
	if err != nil {
		return "", err
	}
	var all strings.Builder
	for _, name := range names {
		text, err := fs.ReadFile(migrations, name)
		if err != nil {
			return "", err
		}
		all.Write(text)
	}
	return all.String(), nil
}

// draw is the change of operation n, and of which account.
func (a *accounts) draw(n int) (account int, c ledger.Change) {
	chance := a.load.draw(n)
	account = chance.IntN(a.load.Keys)
	amount := chance.Int64N(maxChange) + 1
	c = ledger.Change{Account: fmt.Sprintf("a%d", account), Currency: "EUR", Entry: true}
	if n%2 == 0 {
		c.Balance, c.Free = -amount, amount
	} else {
		c.Balance, c.Room = amount, amount
	}
	return account, c
}

// apart lets each statement be a transaction of its own.
func (a *accounts) apart(ctx context.Context, _ int, c ledger.Change) error {
	return a.mover.Move(ctx, a.db, c)
}

func (a *accounts) inTx(ctx context.Context, _ int, c ledger.Change) error {
	return a.db.InTx(ctx, nil, func(tx *sql.Tx) error { return a.mover.Move(ctx, tx, c) })
}

func (a *accounts) inLane(ctx context.Context, account int, c ledger.Change) error {
	return a.lanes.do(ctx, account, func() error { return a.mover.Move(ctx, a.db, c) })
}

func (a *accounts) serializable(ctx context.Context, _ int, c ledger.Change) error {
	return a.db.retried(ctx, &a.met, sql.LevelSerializable, func(tx *sql.Tx) error { return a.mover.Move(ctx, tx, c) })
}

// underLock does not believe that the lock is held until the end: the token is checked in the
// transaction. One that could not be given back is free when its time is over.
func (a *accounts) underLock(ctx context.Context, account int, c ledger.Change) error {
	name := ledger.LockName(labBank, c.Account)
	held, err := a.locks.Acquire(ctx, name)
	if err != nil {
		return err
	}
	defer func() { _ = held.Release(context.WithoutCancel(ctx)) }()
	return a.inTx(ledger.Under(ctx, held.Token()), account, c)
}

// refusal tells what was rightly not done from what has gone wrong.
func refusal(err error) error {
	var coded interface{ Code() string }
	switch {
	case errors.Is(err, ledger.ErrConflict), errors.Is(err, coordination.ErrHeld), errors.Is(err, coordination.ErrStale),
		errors.As(err, &coded) && coded.Code() == ledger.CodeInsufficientFunds:
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return err
}

// missing counts by the version, which grows with each change. A balance that does not fit what was
// acknowledged is an anomaly also where the version does.
func (a *accounts) missing(ctx context.Context) (missing int, err error) {
	a.met.Conflicts.Add(int64(a.races.Of(races.OptimisticConflict) + a.races.Of(races.StaleToken)))
	a.met.Retries.Add(int64(a.races.Of(races.OptimisticConflict) - a.races.Of(races.OptimisticExhausted)))
	a.met.Waits.Add(int64(a.races.Of(races.RowWait)))
	if a.locks != nil {
		a.met.Waits.Add(int64(a.locks.counts.Of(races.LockWait)))
	}
	rows, err := a.db.QueryContext(ctx, `SELECT account, balance, version FROM accounts`)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		var balance, version int64
		if err := rows.Scan(&name, &balance, &version); err != nil {
			return 0, err
		}
		account, err := strconv.Atoi(strings.TrimPrefix(name, "a"))
		if err != nil {
			return 0, err
		}
		lost := distance(a.changes[account].Load(), version)
		if lost == 0 && balance != openingBalance+a.sums[account].Load() {
			lost = 1
		}
		missing += lost
	}
	return missing, rows.Err()
}

// distance is how far two counts are apart.
func distance(a, b int64) int { return int(max(a-b, b-a)) }

func (a *accounts) close() (err error) {
	if a.lanes != nil {
		a.lanes.close()
	}
	if a.locks != nil {
		err = a.locks.close()
	}
	if a.db != nil {
		err = errors.Join(err, a.db.Close())
	}
	return err
}
