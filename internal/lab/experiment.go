package lab

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
)

// None is the name of the technique without any protection.
const None = "none"

// ErrRefused is what an operation returns that was rightly not done: no money, no seat, no lock in
// time. It counts as refused and is no anomaly.
var ErrRefused = errors.New("refused")

// Experiment is one race.
type Experiment struct {
	Name       string      // "lost-update"
	Sentence   string      // what goes wrong, and when
	Operation  string      // what one operation is: "a change of a balance"
	Anomaly    string      // what is counted: "a change that is missing from the balance"
	Techniques []Technique // None first
}

// Technique is one way to do the operations of an experiment.
type Technique struct {
	Name     string
	Sentence string // what it does, and where Giro does so
	Kind     string // of the ten of docs/races.md: "optimistic locking"; empty for None
	On       []Database
	// Claims is whether the technique promises to cure the race. One that does not is there to be
	// seen failing: a lock without a look at its token.
	Claims bool
	// Prepare makes the data, and what works on it.
	Prepare func(ctx context.Context, w *World, on Database, load Load) (*Trial, error)
}

// Database is where the data of a trial is.
type Database string

// The databases; Broker is a key-value bucket or a stream of NATS.
const (
	SQLite   Database = "sqlite"
	Postgres Database = "postgres"
	Broker   Database = "nats"
)

// Load is how a trial is contended for.
type Load struct {
	Workers int // who do operations at the same time
	Keys    int // accounts, seats, locks: what they do operations on; 1 is the hottest
	Ops     int // operations all in all
	// For, if not zero, ends a cell that has not done all its operations by then.
	For  time.Duration
	Seed uint64
}

// Trial is a technique at work.
type Trial struct {
	// Do does operation n, one of 0 to Ops-1, as a worker of 0 to Workers-1. Many workers call it at the
	// same time, one worker never twice at once. Each n is done once.
	Do func(ctx context.Context, worker, n int) error
	// Anomalies looks at the data when all operations are done, and counts what is wrong in it.
	Anomalies func(ctx context.Context) (int, error)
	// Met is what the technique has met on its way; nil if there is nothing to meet.
	Met *Met
	// Close gives back what Prepare took; nil if that is nothing.
	Close func() error
}

// Met counts how often a technique has met somebody else.
type Met struct {
	Conflicts atomic.Int64 // a write or a transaction refused because another was faster
	Retries   atomic.Int64 // tries after the first
	Waits     atomic.Int64 // waits for what another held, where that can be told
}

// Experiments are all there are, in the order of docs/races.md.
func Experiments() []Experiment {
	return []Experiment{
		lostUpdate(),
		doubleCharge(),
		oversoldCounter(),
		duplicateRow(),
		outOfOrder(),
		twoLeaders(),
		pausedHolder(),
		overtakenCompensation(),
		dirtyRead(),
		checkThenAct(),
	}
}
