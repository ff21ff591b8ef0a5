package lab

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/mattn/go-sqlite3"
)

// What Postgres says of a transaction that it has refused. After the first two the same transaction
// may be run again.
const (
	serializationFailure = "40001"
	deadlockDetected     = "40P01"
	checkViolation       = "23514"
)

// retried runs f in transactions of a level of isolation until one of them commits. Nothing stays of
// those that Postgres refuses, so f may be run again as it is. There is no last try: what it costs
// shows as retries and latency, and not as operations that were given up.
func (db *DB) retried(ctx context.Context, met *Met, level sql.IsolationLevel, f func(tx *sql.Tx) error) error {
	for tries := 0; ; tries++ {
		err := db.InTx(ctx, &sql.TxOptions{Isolation: level}, f)
		if code := codeOf(err); code != serializationFailure && code != deadlockDetected {
			return err
		}
		met.Conflicts.Add(1)
		if !pause(ctx, tries) {
			return ctx.Err()
		}
		met.Retries.Add(1)
	}
}

// firstPause is doubled at each try up to 256 times, as a bank on Postgres does: those who met and
// came again at once would meet again.
const firstPause = time.Millisecond

// pause waits before another try; false: ctx ended meanwhile.
func pause(ctx context.Context, tries int) bool {
	t := time.NewTimer(rand.N(firstPause << min(tries, 8)))
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// codeOf is the SQLSTATE in err, "" if Postgres has not said one.
func codeOf(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// violates says whether a CHECK constraint has refused a statement.
func violates(err error) bool {
	var e sqlite3.Error
	return codeOf(err) == checkViolation || errors.As(err, &e) && e.ExtendedCode == sqlite3.ErrConstraintCheck
}

// changed reports whether a statement has changed a row.
func changed(res sql.Result, err error) (bool, error) {
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n > 0, err
}
