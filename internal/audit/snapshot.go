package audit

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"

	"github.com/girohq/giro/outbox"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/jmoiron/sqlx"
	"github.com/mattn/go-sqlite3"
)

// snapshot is one database in one read transaction.
type snapshot struct {
	path string
	db   *sqlx.DB
	conn *sqlx.Conn
}

// openSnapshot opens a file and begins the transaction. It will see the database as it is at its
// first read, which is how SQLite does it.
func openSnapshot(ctx context.Context, path string) (*snapshot, error) {
	if isPostgres(path) {
		return openPostgres(ctx, path)
	}
	db, err := outbox.OpenReadOnly(path)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	s := &snapshot{path: path, db: db}
	if s.conn, err = db.Connx(ctx); err == nil {
		_, err = s.conn.ExecContext(ctx, `BEGIN`)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("audit: read %s: %w", path, err), s.close())
	}
	return s, nil
}

func (s *snapshot) close() error {
	var errs []error
	if s.conn != nil {
		errs = append(errs, s.conn.Close())
	}
	return errors.Join(append(errs, s.db.Close())...)
}

// read gives fn the driver's connection, which is fn's alone meanwhile. Millions of rows pass
// here: database/sql would copy and convert each value once more.
func (s *snapshot) read(fn func(source) error) error {
	err := s.conn.Raw(func(c any) error {
		if pg, ok := c.(*stdlib.Conn); ok {
			return fn(source{&fetcher{conn: pg.Conn()}})
		}
		return fn(source{sqliteRows{c.(*sqlite3.SQLiteConn)}})
	})
	if err != nil {
		return fmt.Errorf("audit: read %s: %w", s.path, err)
	}
	return nil
}

// source makes cursors. Several may be open at once, in one goroutine.
type source struct{ conn rowsOf }

// rowsOf is a database's way to read several queries side by side.
type rowsOf interface {
	open(query string, args []any) (driver.Rows, error)
}

type sqliteRows struct{ conn *sqlite3.SQLiteConn }

// open begins to read. The context is not the caller's: the driver would watch it for each row.
func (s sqliteRows) open(query string, args []any) (driver.Rows, error) {
	named := make([]driver.NamedValue, len(args))
	for i, a := range args {
		named[i] = driver.NamedValue{Ordinal: i + 1, Value: a}
	}
	return s.conn.QueryContext(context.Background(), query, named)
}

func (s source) query(query string, args ...any) (*cursor, error) {
	rows, err := s.conn.open(query, args)
	if err != nil {
		return nil, err
	}
	return &cursor{rows: rows, row: make([]driver.Value, len(rows.Columns()))}, nil
}

// each calls fn for every row of a query.
func (s source) each(fn func(*cursor) error, query string, args ...any) error {
	c, err := s.query(query, args...)
	if err != nil {
		return err
	}
	for c.next() {
		if err := fn(c); err != nil {
			c.err = err
			break
		}
	}
	return c.close()
}

// cursor is a place in the rows of a query.
type cursor struct {
	rows driver.Rows
	row  []driver.Value
	end  bool
	err  error
}

// next goes to the next row and says whether there is one.
func (c *cursor) next() bool {
	if c.end {
		return false
	}
	if err := c.rows.Next(c.row); err != nil {
		c.end = true
		if !errors.Is(err, io.EOF) {
			c.err = err
		}
	}
	return !c.end
}

// close ends the reading and returns what went wrong with it.
func (c *cursor) close() error { return errors.Join(c.err, c.rows.Close()) }

// The columns as SQL gives them; NULL is the zero value.

func (c *cursor) text(i int) string {
	s, _ := c.row[i].(string)
	return s
}

func (c *cursor) number(i int) int64 {
	n, _ := c.row[i].(int64)
	return n
}

func (c *cursor) blob(i int) []byte {
	b, _ := c.row[i].([]byte)
	return b
}
