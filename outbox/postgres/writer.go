package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/girohq/giro/outbox"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jmoiron/sqlx"
)

// connectFor bounds one try to reach the server.
const connectFor = 5 * time.Second

// writer is one of the connections that write. One goroutine has it at a time.
type writer struct {
	n    int // its row in the table writers
	pool *sqlx.DB
	conn *sqlx.Conn // nil: none yet
	link *link
}

// ready connects where there is no living connection.
func (w *writer) ready(ctx context.Context) error {
	if w.conn != nil && !w.raw().IsClosed() {
		return nil
	}
	w.drop()
	ctx, cancel := context.WithTimeout(ctx, connectFor)
	defer cancel()
	conn, err := w.pool.Connx(ctx)
	if err != nil {
		return err
	}
	w.conn = conn
	return conn.Raw(func(c any) error {
		w.link = c.(*link)
		return nil
	})
}

func (w *writer) raw() *pgx.Conn { return w.link.Conn.Conn() }

// run executes statements of the engine's own, in one round trip.
func (w *writer) run(ctx context.Context, sql string) ([]*pgconn.Result, error) {
	return w.raw().PgConn().Exec(ctx, sql).ReadAll()
}

// begin opens a transaction and returns its number; 0: the boot is not the owner's any more.
func (w *writer) begin(ctx context.Context, boot int64) (number int64, err error) {
	w.link.conflict = nil
	ctx, cancel := context.WithTimeout(ctx, 2*connectFor)
	defer cancel()
	results, err := w.run(ctx, fmt.Sprintf("BEGIN; UPDATE writers SET number = nextval('commits') WHERE writer = %d AND boot = %d RETURNING number", w.n, boot))
	if err != nil {
		w.rollback()
		return 0, err
	}
	if rows := results[1].Rows; len(rows) == 1 {
		return strconv.ParseInt(string(rows[0][0]), 10, 64)
	}
	w.rollback()
	return 0, nil
}

// rollback ends a transaction. Where that cannot be said, the end of the connection ends it.
func (w *writer) rollback() {
	if w.raw().IsClosed() || w.raw().PgConn().TxStatus() == 'I' {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), connectFor)
	defer cancel()
	if _, err := w.run(ctx, "ROLLBACK"); err != nil {
		w.drop()
	}
}

// commit says what the answer of COMMIT means: an error wraps errUnknown, or nothing was committed. The
// server answers the COMMIT of a transaction that has failed with ROLLBACK and no error.
func (w *writer) commit() error {
	results, err := w.run(context.Background(), "COMMIT")
	switch {
	case err == nil && results[0].CommandTag.String() == "COMMIT":
		return nil
	case err == nil:
		return errAborted
	case w.raw().IsClosed():
		return fmt.Errorf("%w: %w", errUnknown, err)
	}
	return fmt.Errorf("outbox/postgres: commit: %w", err)
}

// drop closes the connection; the next use makes another.
func (w *writer) drop() {
	if w.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = w.raw().Close(ctx) // it is given up whatever this says
	_ = w.conn.Close()
	w.conn, w.link = nil, nil
}

var (
	// errUnknown: the connection ended while the server was committing.
	errUnknown = errors.New("outbox/postgres: the answer to the commit was lost")

	// errAborted: a statement of the transaction had failed, and its function did not say so.
	errAborted = errors.New("outbox/postgres: a statement has failed, so nothing of the transaction stands")
)

// required is what the promises rest on, as the server says it.
var required = []struct {
	setting string
	good    []string
}{
	{"synchronous_commit", []string{"on", "remote_apply"}},
	{"fsync", []string{"on"}},
	{"full_page_writes", []string{"on"}},
}

// verifyOrClose is for a connection that nobody else has hold of yet.
func verifyOrClose(ctx context.Context, conn *pgx.Conn) error {
	err := verify(ctx, conn)
	if err != nil {
		err = errors.Join(err, conn.Close(ctx))
	}
	return err
}

// verify reads the settings back on a connection that is to write.
func verify(ctx context.Context, conn *pgx.Conn) error {
	for _, r := range required {
		var got string
		if err := conn.QueryRow(ctx, "SELECT current_setting($1)", r.setting).Scan(&got); err != nil {
			return fmt.Errorf("outbox/postgres: read %s: %w", r.setting, err)
		}
		if !slices.Contains(r.good, got) {
			return fmt.Errorf("%w: %s is %s, must be %s", outbox.ErrPragma, r.setting, got, r.good[0])
		}
	}
	return nil
}
