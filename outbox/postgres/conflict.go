package postgres

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/girohq/giro/races"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// maxTries bounds the runs of one transaction. A batch that meets others so often is then run item by
	// item, which has less to meet them with.
	maxTries = 6
	// firstPause is doubled at each try, and spread so that those who met do not meet again.
	firstPause = 4 * time.Millisecond
)

// The codes after which a transaction may be run again as it is.
const (
	serializationFailure = "40001"
	deadlockDetected     = "40P01"
	lockNotAvailable     = "55P03"
)

// Conflicts counts, since the database was opened, how often its transactions met others.
type Conflicts struct {
	Serialization int64 // another transaction changed what this one has read
	Deadlocks     int64 // each waited for the other, and Postgres ended this one
	LockTimeouts  int64 // a row was locked for longer than the wait for it
	Retries       int64 // transactions that were run again because of these
	GivenUp       int64 // transactions that ended with [outbox.ErrContended]
}

type conflicts struct {
	serialization, deadlocks, lockTimeouts, retries, givenUp atomic.Int64
	races                                                    *races.Counts
}

func (c *conflicts) snapshot() Conflicts {
	return Conflicts{c.serialization.Load(), c.deadlocks.Load(), c.lockTimeouts.Load(), c.retries.Load(), c.givenUp.Load()}
}

func (c *conflicts) count(err error) {
	switch codeOf(err) {
	case serializationFailure:
		c.serialization.Add(1)
		c.races.Add(races.SerializationFailure)
	case deadlockDetected:
		c.deadlocks.Add(1)
		c.races.Add(races.Deadlock)
	case lockNotAvailable:
		c.lockTimeouts.Add(1)
		c.races.Add(races.RowWait)
	}
}

// codeOf is the SQLSTATE in err, "" if the server has not said one.
func codeOf(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

func isConflict(err error) bool {
	switch codeOf(err) {
	case serializationFailure, deadlockDetected, lockNotAvailable:
		return true
	}
	return false
}

// pause waits before another try; false: ctx ended meanwhile.
func pause(ctx context.Context, tries int) bool {
	longest := firstPause << min(tries, 8)
	t := time.NewTimer(longest/2 + rand.N(longest/2))
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
