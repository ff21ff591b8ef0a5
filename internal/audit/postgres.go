package audit

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/girohq/giro/outbox/postgres"
	"github.com/jackc/pgx/v5"
)

// isPostgres tells the URL of a database from a file.
func isPostgres(path string) bool {
	return strings.HasPrefix(path, "postgres://") || strings.HasPrefix(path, "postgresql://")
}

// schemaOf is where a bank's tables are: the search_path of its URL.
func schemaOf(dsn string) string {
	cfg, err := pgx.ParseConfig(dsn)
	if err != nil {
		return ""
	}
	return strings.Trim(cfg.RuntimeParams["search_path"], `"`)
}

// shown is a database as it may be told: a URL without its password.
func shown(path string) string {
	if u, err := url.Parse(path); err == nil && isPostgres(path) {
		return u.Redacted()
	}
	return path
}

// openPostgres begins a transaction that sees the database as it is at its first read.
func openPostgres(ctx context.Context, dsn string) (*snapshot, error) {
	db, err := postgres.OpenReadOnly(ctx, dsn)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	s := &snapshot{path: shown(dsn), db: db}
	if s.conn, err = db.Connx(ctx); err == nil {
		_, err = s.conn.ExecContext(ctx, `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("audit: read %s: %w", s.path, err), s.close())
	}
	return s, nil
}

// fetcher reads several queries side by side on one connection: each is a cursor of the server.
type fetcher struct {
	conn   *pgx.Conn
	opened int
}

func (f *fetcher) open(query string, args []any) (driver.Rows, error) {
	f.opened++
	name := fmt.Sprintf("audit_%d", f.opened)
	if _, err := f.conn.Exec(context.Background(), "DECLARE "+name+" NO SCROLL CURSOR FOR "+query, args...); err != nil {
		return nil, err
	}
	r := &fetched{conn: f.conn, name: name}
	return r, r.fetch()
}

// fetchRows is how many rows one round trip brings.
const fetchRows = "1000"

// fetched are the rows of a cursor.
type fetched struct {
	conn    *pgx.Conn
	name    string
	columns []string
	rows    [][]any
	over    bool
}

func (r *fetched) Columns() []string { return r.columns }

func (r *fetched) Next(dest []driver.Value) error {
	if len(r.rows) == 0 && !r.over {
		if err := r.fetch(); err != nil {
			return err
		}
	}
	if len(r.rows) == 0 {
		return io.EOF
	}
	for i, v := range r.rows[0] {
		dest[i] = plain(v)
	}
	r.rows = r.rows[1:]
	return nil
}

func (r *fetched) fetch() error {
	rows, err := r.conn.Query(context.Background(), "FETCH "+fetchRows+" FROM "+r.name)
	if err != nil {
		return err
	}
	defer rows.Close()
	r.columns = r.columns[:0]
	for _, f := range rows.FieldDescriptions() {
		r.columns = append(r.columns, f.Name)
	}
	r.rows = r.rows[:0]
	for rows.Next() {
		values, err := rows.Values()
		if err != nil {
			return err
		}
		r.rows = append(r.rows, values)
	}
	r.over = len(r.rows) == 0
	return rows.Err()
}

func (r *fetched) Close() error {
	_, err := r.conn.Exec(context.Background(), "CLOSE "+r.name)
	return err
}

// plain is a value as SQLite would give it.
func plain(v any) driver.Value {
	switch n := v.(type) {
	case int16:
		return int64(n)
	case int32:
		return int64(n)
	}
	return v
}
