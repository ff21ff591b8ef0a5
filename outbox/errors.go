package outbox

import (
	"errors"
	"fmt"
	"time"

	"github.com/girohq/giro/outbox/internal/schema"
	"github.com/mattn/go-sqlite3"
)

var (
	// ErrLocked: another process owns the database or the directory. Stop that process, whose
	// pid the message names, or use another path or schema. Never delete the lock file.
	ErrLocked = errors.New("outbox: already in use")

	// ErrNewer: the database was written by a newer program. Run that program.
	ErrNewer = schema.ErrNewer

	// ErrMigrations: the numbered files of the program do not continue what the database has
	// applied. The program was built wrong, or the file belongs to another one.
	ErrMigrations = schema.ErrMigrations

	// ErrPragma: a setting that the promises rest on is not in force. Nothing was written; check the
	// file system (WAL needs shared memory) and the SQLite library, or the server's configuration.
	ErrPragma = errors.New("outbox: setting not in force")

	// ErrStopped: the loop has ended and took no notice of the item. Submit it to the next loop.
	ErrStopped = errors.New("outbox: loop has stopped")

	// ErrClosed: the database was closed by its owner.
	ErrClosed = errors.New("outbox: database is closed")

	// ErrTxLost: the database has ended the transaction under the handler, or a savepoint of it could
	// not be closed. Nothing of it stands. Return it, the loop runs the item again alone.
	ErrTxLost = errors.New("outbox: transaction lost")

	// ErrTxOver: the Tx was used after its function had returned.
	ErrTxOver = errors.New("outbox: transaction is over")

	// ErrUnusable: an I/O error at a commit, or the connection could not be opened again, or another
	// process has taken the database over. What the last transaction left is unknown to this process,
	// and every later use is refused. End the process; the next one recovers by reading.
	ErrUnusable = errors.New("outbox: outcome unknown, the process must end")

	// ErrContended: the transaction met others again and again, and was rolled back each time. Nothing
	// of it stands; try again later.
	ErrContended = errors.New("outbox: too many conflicts with other transactions")

	// ErrInvalid: a message cannot be stored as it is. The caller must correct it.
	ErrInvalid = errors.New("outbox: invalid message")

	// ErrNoRow: a message without a subject changes a row, and there is none with its key. A
	// [Table] says so of a row that is gone.
	ErrNoRow = errors.New("outbox: no such row")
)

// ErrNotBegun: a transaction did not begin, because the database is not there or another program
// holds it. Nothing was done; try again later.
var ErrNotBegun = errors.New("outbox: transaction not begun")

// code is SQLite's primary result code in err, 0 if there is none.
func code(err error) sqlite3.ErrNo {
	var e sqlite3.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return 0
}

// lostError is [ErrTxLost] with what the handler saw of it, if anything.
func lostError(cause error) error {
	switch {
	case cause == nil:
		return ErrTxLost
	case errors.Is(cause, ErrTxLost):
		return cause
	}
	return fmt.Errorf("%w: %w", ErrTxLost, cause)
}

// Later is the error of a publish whose receiver has said when it is worth repeating. The relay repeats it after its own
// backoff, and not before After has passed.
type Later struct {
	Err   error
	After time.Duration
}

// Error is that of Err.
func (l *Later) Error() string { return l.Err.Error() }

// Unwrap returns Err.
func (l *Later) Unwrap() error { return l.Err }

// told is how long a receiver wants to be left alone; 0: it has not said.
func told(err error) time.Duration {
	var l *Later
	if errors.As(err, &l) {
		return l.After
	}
	return 0
}
