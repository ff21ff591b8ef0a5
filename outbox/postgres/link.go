package postgres

import (
	"context"
	"database/sql/driver"
	"io"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// keptTexts bounds the statements whose text is remembered. Programs have a few dozen.
const keptTexts = 512

// connector opens connections that take "?" for arguments.
type connector struct {
	driver.Connector
	whole bool // rows are read to their end at once
}

func newConnector(cfg *pgx.ConnConfig, whole bool, opened func(context.Context, *pgx.Conn) error) connector {
	return connector{stdlib.GetConnector(*cfg, stdlib.OptionAfterConnect(opened)), whole}
}

// Connect implements [driver.Connector].
func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &link{Conn: conn.(*stdlib.Conn), whole: c.whole, texts: map[string]text{}}, nil
}

// link is one connection. Its first conflict with another transaction stays with it until the next begins.
type link struct {
	*stdlib.Conn
	whole    bool
	texts    map[string]text
	conflict error
}

// text is a statement as Postgres takes it.
type text struct {
	sql     string
	control bool
}

func (l *link) text(query string) text {
	if t, ok := l.texts[query]; ok {
		return t
	}
	t := text{rebind(query), isControl(query)}
	if len(l.texts) < keptTexts {
		l.texts[query] = t
	}
	return t
}

// note keeps a conflict, because a handler may not pass its error on.
func (l *link) note(err error) {
	if err != nil && l.conflict == nil && isConflict(err) {
		l.conflict = err
	}
}

// exec is ExecContext without the detour over [driver.NamedValue].
func (l *link) exec(query string, args []any) (driver.Result, error) {
	tag, err := l.Conn.Conn().Exec(context.Background(), l.text(query).sql, args...)
	if l.note(err); err != nil {
		return nil, err
	}
	return driver.RowsAffected(tag.RowsAffected()), nil
}

// ExecContext implements [driver.ExecerContext].
func (l *link) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	res, err := l.Conn.ExecContext(ctx, l.text(query).sql, args)
	l.note(err)
	return res, err
}

// PrepareContext implements [driver.ConnPrepareContext].
func (l *link) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	return l.Conn.PrepareContext(ctx, l.text(query).sql)
}

// QueryContext implements [driver.QueryerContext].
func (l *link) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	rows, err := l.Conn.QueryContext(ctx, l.text(query).sql, args)
	if err == nil && l.whole {
		rows, err = readWhole(rows)
	}
	l.note(err)
	return rows, err
}

// wholeRows are rows that have left the connection, so that a handler may run one statement inside the
// loop over another, as it can on SQLite.
type wholeRows struct {
	columns []string
	values  [][]driver.Value
}

func readWhole(from driver.Rows) (driver.Rows, error) {
	defer from.Close()
	rows := &wholeRows{columns: from.Columns()}
	for {
		values := make([]driver.Value, len(rows.columns))
		switch err := from.Next(values); err {
		case nil:
		case io.EOF:
			return rows, nil
		default:
			return nil, err
		}
		for i, v := range values {
			if b, ok := v.([]byte); ok { // the driver's buffer
				values[i] = slices.Clone(b)
			}
		}
		rows.values = append(rows.values, values)
	}
}

// Columns implements [driver.Rows].
func (r *wholeRows) Columns() []string { return r.columns }

// Close implements [driver.Rows].
func (r *wholeRows) Close() error { return nil }

// Next implements [driver.Rows].
func (r *wholeRows) Next(dest []driver.Value) error {
	if len(r.values) == 0 {
		return io.EOF
	}
	copy(dest, r.values[0])
	r.values = r.values[1:]
	return nil
}
