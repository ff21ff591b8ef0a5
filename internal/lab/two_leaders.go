package lab

import (
	"context"
	"database/sql"
	"errors"
	"runtime"
	"sync"

	"github.com/girohq/giro/coordination"
)

func twoLeaders() Experiment {
	both := []Database{SQLite, Postgres}
	return Experiment{
		Name:      "two-leaders",
		Sentence:  "A leader pauses, another is elected and works, and the first wakes and goes on: two do the work of one.",
		Operation: "a write by the leader of a job; in one of 16 the leader pauses before it and another takes over",
		Anomaly:   "a write of a term that came after a write of a later term",
		Techniques: []Technique{
			{Name: None, On: both, Prepare: led(newLeases, unguarded),
				Sentence: "A leader finds by its clock that the lease in the database is its own and has not ended, then writes."},
			{Name: "election", Kind: "distributed lock", On: both, Prepare: led(newElections, unguarded),
				Sentence: "The leader is elected on the broker (coordination.Election), looks whether its term has ended, then writes."},
			{Name: "election+token", Kind: "consensus", Claims: true, On: both, Prepare: led(newElections, coordination.Guard),
				Sentence: "The same, and coordination.Guard refuses a term that is over, in the transaction that writes."},
			{Name: "row lock", Kind: "pessimistic locking", Claims: true, On: both, Prepare: ledUnderRowLock,
				Sentence: "The leader locks the lease's row in the transaction that writes (in SQLite the transaction has the only lock): who takes over waits for it, however long it pauses."},
		},
	}
}

// takeovers: in one of so many operations another takes over.
const takeovers = 16

// jobTables are by database: what was written is numbered in its order.
var jobTables = map[Database]string{
	SQLite:   `CREATE TABLE written (seq INTEGER PRIMARY KEY AUTOINCREMENT, job BIGINT NOT NULL, term BIGINT NOT NULL);` + leaseTable,
	Postgres: `CREATE TABLE written (seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, job BIGINT NOT NULL, term BIGINT NOT NULL);` + leaseTable,
}

const leaseTable = `CREATE TABLE leases (job BIGINT PRIMARY KEY, term BIGINT NOT NULL, ends BIGINT NOT NULL);` + coordination.Schema

const (
	writeWork = `INSERT INTO written (job, term) VALUES ($1, $2)`

	countOutdatedWork = `SELECT count(*) FROM (
		SELECT term, max(term) OVER (PARTITION BY job ORDER BY seq) AS highest FROM written) AS ordered WHERE term < highest`
)

// guardFunc looks at a token in the transaction that writes.
type guardFunc func(ctx context.Context, tx coordination.Tx, t coordination.Token) error

// unguarded looks at nothing.
func unguarded(context.Context, coordination.Tx, coordination.Token) error { return nil }

// leadership says who leads. The job is also the name of its lock.
type leadership interface {
	// look returns the term of the leader, if it leads as far as it can tell.
	look(ctx context.Context, job int) (coordination.Token, error)
	// replace lets the leader's time be over and another be elected, and returns its term.
	replace(ctx context.Context, job int) (coordination.Token, error)
	close() error
}

// work is what leaders do.
type work struct {
	db      *DB
	leaders leadership
	guard   guardFunc
	met     Met
}

func openJobs(ctx context.Context, w *World, on Database, load Load) (*DB, error) {
	db, err := w.Open(ctx, on, load.conns(on), jobTables[on])
	if err != nil {
		return nil, err
	}
	if _, err := db.ExecContext(ctx, series(load.Keys)+`INSERT INTO leases (job, term, ends) SELECT n, 0, 0 FROM series`); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

func led(elect func(ctx context.Context, w *World, db *DB, load Load) (leadership, error), guard guardFunc) preparation {
	return func(ctx context.Context, w *World, on Database, load Load) (*Trial, error) {
		db, err := openJobs(ctx, w, on, load)
		if err != nil {
			return nil, err
		}
		leaders, err := elect(ctx, w, db, load)
		if err != nil {
			return nil, errors.Join(err, db.Close())
		}
		j := &work{db: db, leaders: leaders, guard: guard}
		turns := newTurns(load)
		do := func(ctx context.Context, _, n int) error {
			job := n % load.Keys
			if load.draw(n).IntN(takeovers) > 0 {
				return j.one(ctx, job, func() error { return nil })
			}
			defer turns.turn(job)()
			return j.one(ctx, job, func() error { return j.takeOver(ctx, job) })
		}
		return &Trial{Do: do, Anomalies: outdatedWork(db), Met: &j.met,
			Close: func() error { return errors.Join(leaders.close(), db.Close()) }}, nil
	}
}

func outdatedWork(db *DB) func(context.Context) (int, error) {
	return func(ctx context.Context) (outdated int, err error) {
		err = db.QueryRowContext(ctx, countOutdatedWork).Scan(&outdated)
		return outdated, err
	}
}

// one is the leader's look and its write, and what happens between them while it pauses.
func (j *work) one(ctx context.Context, job int, paused func() error) error {
	term, err := j.leaders.look(ctx, job)
	if err != nil {
		return err
	}
	if err := paused(); err != nil {
		return err
	}
	runtime.Gosched()
	return j.write(ctx, job, term)
}

// takeOver is another leader's election and first write.
func (j *work) takeOver(ctx context.Context, job int) error {
	term, err := j.leaders.replace(ctx, job)
	if err != nil {
		return err
	}
	return j.write(ctx, job, term)
}

func (j *work) write(ctx context.Context, job int, term coordination.Token) error {
	err := j.db.InTx(ctx, nil, func(tx *sql.Tx) error {
		if err := j.guard(ctx, tx, term); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, writeWork, job, int64(term.Number))
		return err
	})
	if errors.Is(err, coordination.ErrStale) {
		j.met.Conflicts.Add(1)
		return errors.Join(ErrRefused, err)
	}
	return err
}

// turns lets what is done to a job be done one after the other: two who both replace the leader of a
// job would wait for each other.
type turns struct{ of []sync.Mutex }

func newTurns(load Load) *turns { return &turns{of: make([]sync.Mutex, load.Keys)} }

// turn waits for its turn and returns how it ends.
func (t *turns) turn(job int) func() {
	t.of[job].Lock()
	return t.of[job].Unlock
}

// ledUnderRowLock has no leader that is not in the transaction of its write.
func ledUnderRowLock(ctx context.Context, w *World, on Database, load Load) (*Trial, error) {
	db, err := openJobs(ctx, w, on, load)
	if err != nil {
		return nil, err
	}
	look := `SELECT term FROM leases WHERE job = $1`
	if on == Postgres {
		look += ` FOR UPDATE`
	}
	lead := func(ctx context.Context, job int, query string, paused func()) error {
		return db.InTx(ctx, nil, func(tx *sql.Tx) error {
			var term int64
			if err := tx.QueryRowContext(ctx, query, job).Scan(&term); err != nil {
				return err
			}
			paused()
			runtime.Gosched()
			_, err := tx.ExecContext(ctx, writeWork, job, term)
			return err
		})
	}
	do := func(ctx context.Context, _, n int) error {
		job := n % load.Keys
		if load.draw(n).IntN(takeovers) > 0 {
			return lead(ctx, job, look, func() {})
		}
		other := make(chan error, 1)
		paused := func() {
			go func() { other <- lead(ctx, job, nextTerm, func() {}) }() // it waits for the one that pauses
		}
		if err := lead(ctx, job, look, paused); err != nil {
			return err
		}
		return <-other
	}
	return &Trial{Do: do, Anomalies: outdatedWork(db), Close: db.Close}, nil
}
