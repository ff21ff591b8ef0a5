package lab

import (
	"context"
	"database/sql"
	"errors"
	"runtime"
	"strconv"

	"github.com/girohq/giro/coordination"
	"github.com/girohq/giro/races"
)

func pausedHolder() Experiment {
	both := []Database{SQLite, Postgres}
	return Experiment{
		Name:      "paused-holder",
		Sentence:  "The holder of a lock pauses until its time has passed, another takes the lock and writes, and the first wakes and writes over it.",
		Operation: "a resource is read and written one higher; in one of 16 the writer pauses between, and another does the same meanwhile",
		Anomaly:   "a write that is missing from its resource",
		Techniques: []Technique{
			{Name: None, On: both, Prepare: held(noLock, unguarded),
				Sentence: "Read, compute and write, without a lock."},
			{Name: "lock", Kind: "distributed lock", On: both, Prepare: held(brokerLock, unguarded),
				Sentence: "The same under a lock with an expiry (coordination.Locks), which the resource does not look at."},
			{Name: "lock+token", Kind: "distributed lock", Claims: true, On: both, Prepare: held(brokerLock, coordination.Guard),
				Sentence: "The same, and coordination.Guard refuses a holder after a later one, in the transaction that reads and in the one that writes."},
			{Name: "atomic", Kind: "atomic operation", Claims: true, On: both, Prepare: held(noLock, nil),
				Sentence: "One relative update: where one row is all that is protected there is nothing to lock."},
		},
	}
}

// pauses: in one of so many operations the writer pauses.
const pauses = 16

const resourceTables = `CREATE TABLE resources (resource BIGINT PRIMARY KEY, value BIGINT NOT NULL);
CREATE TABLE writes (resource BIGINT NOT NULL);` + coordination.Schema

const (
	readResource  = `SELECT value FROM resources WHERE resource = $1`
	writeResource = `UPDATE resources SET value = $1 WHERE resource = $2`
	raiseResource = `UPDATE resources SET value = value + 1 WHERE resource = $1`
	addWrite      = `INSERT INTO writes (resource) VALUES ($1)`

	countLostWrites = `SELECT (SELECT count(*) FROM writes) - (SELECT coalesce(sum(value), 0) FROM resources)`
)

// holding is resources whose writers hold a lock, or not.
type holding struct {
	db    *DB
	locks *lockset  // nil: none
	guard guardFunc // nil: nothing is read before it is written
	met   Met
}

func noLock(context.Context, *World) (*lockset, error) { return nil, nil }

func brokerLock(ctx context.Context, w *World) (*lockset, error) { return w.openLockset(ctx) }

func held(lock func(context.Context, *World) (*lockset, error), guard guardFunc) preparation {
	return func(ctx context.Context, w *World, on Database, load Load) (*Trial, error) {
		db, err := w.Open(ctx, on, load.conns(on), resourceTables)
		if err != nil {
			return nil, err
		}
		h := &holding{db: db, guard: guard}
		if h.locks, err = lock(ctx, w); err != nil {
			return nil, errors.Join(err, db.Close())
		}
		t := &Trial{Anomalies: h.lost, Met: &h.met, Close: h.close}
		if _, err := db.ExecContext(ctx, series(load.Keys)+`INSERT INTO resources (resource, value) SELECT n, 0 FROM series`); err != nil {
			return nil, errors.Join(err, h.close())
		}
		t.Do = func(ctx context.Context, _, n int) error {
			return h.change(ctx, n%load.Keys, load.draw(n).IntN(pauses) == 0)
		}
		return t, nil
	}
}

// change is one operation, with another in it if its writer pauses.
func (h *holding) change(ctx context.Context, resource int, pause bool) error {
	token, leave, err := h.enter(ctx, resource)
	if err != nil {
		return err
	}
	defer leave()
	value, err := h.read(ctx, token, resource)
	if err != nil {
		return err
	}
	if pause {
		err := h.overtake(ctx, resource)
		if err != nil && !errors.Is(err, ErrRefused) {
			return err
		}
	}
	runtime.Gosched()
	return h.write(ctx, token, resource, value+1)
}

// overtake is what others do while the holder pauses for longer than its time.
func (h *holding) overtake(ctx context.Context, resource int) error {
	if h.locks != nil {
		if err := h.locks.expire(ctx, strconv.Itoa(resource)); err != nil {
			return err
		}
	}
	return h.change(ctx, resource, false)
}

// enter takes the lock, where there is one.
func (h *holding) enter(ctx context.Context, resource int) (t coordination.Token, leave func(), err error) {
	if h.locks == nil {
		return t, func() {}, nil
	}
	held, err := h.locks.Acquire(ctx, strconv.Itoa(resource))
	if err != nil {
		return t, nil, err
	}
	return held.Token(), func() { _ = held.Release(ctx) }, nil // who had lost it is told, too late
}

func (h *holding) read(ctx context.Context, t coordination.Token, resource int) (value int64, err error) {
	if h.guard == nil {
		return 0, nil
	}
	err = h.guarded(ctx, t, func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, readResource, resource).Scan(&value)
	})
	return value, err
}

func (h *holding) write(ctx context.Context, t coordination.Token, resource int, value int64) error {
	return h.guarded(ctx, t, func(tx *sql.Tx) (err error) {
		if h.guard == nil {
			_, err = tx.ExecContext(ctx, raiseResource, resource)
		} else {
			_, err = tx.ExecContext(ctx, writeResource, value, resource)
		}
		if err == nil {
			_, err = tx.ExecContext(ctx, addWrite, resource)
		}
		return err
	})
}

// guarded is a transaction of the resource, which refuses an old token if it looks at tokens.
func (h *holding) guarded(ctx context.Context, t coordination.Token, f func(tx *sql.Tx) error) error {
	err := h.db.InTx(ctx, nil, func(tx *sql.Tx) error {
		if h.guard != nil {
			if err := h.guard(ctx, tx, t); err != nil {
				return err
			}
		}
		return f(tx)
	})
	if errors.Is(err, coordination.ErrStale) {
		h.met.Conflicts.Add(1)
		return errors.Join(ErrRefused, err)
	}
	return err
}

func (h *holding) lost(ctx context.Context) (lost int, err error) {
	if h.locks != nil {
		h.met.Waits.Store(int64(h.locks.counts.Of(races.LockWait)))
	}
	err = h.db.QueryRowContext(ctx, countLostWrites).Scan(&lost)
	return lost, err
}

func (h *holding) close() error {
	if h.locks == nil {
		return h.db.Close()
	}
	return errors.Join(h.locks.close(), h.db.Close())
}
