package audit

import (
	"database/sql"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/girohq/giro/internal/pgtest"
	"github.com/girohq/giro/outbox/postgres"
	"github.com/girohq/giro/participants"
	"github.com/girohq/giro/participants/ledger"
	"github.com/jackc/pgx/v5"
)

// TestViolationsOnPostgres breaks the same things as TestViolations and TestHoldViolations, and moves the
// banks to Postgres before the audit: it must say the same of them, word by word.
func TestViolationsOnPostgres(t *testing.T) {
	m := newMover(t)
	for _, of := range []struct {
		whole string
		list  []violation
	}{{generate(t, 300), violations}, {withHolds(t), holdViolations}} {
		m.compare(t, of.whole)
		for _, c := range of.list {
			t.Run(c.name, func(t *testing.T) {
				dir := copied(t, of.whole)
				execute(t, filepath.Join(dir, c.file), c.breaks...)
				m.compare(t, dir)
			})
		}
	}
}

// mover moves banks from files to schemas of a server.
type mover struct {
	conn *pgx.Conn
	dsn  string
}

func newMover(t *testing.T) mover {
	t.Helper()
	server := pgtest.NewServer(t)
	db, err := participants.OpenPostgres(t.Context(), postgres.Config{DSN: server.DSN(), Schema: "empty", Migrations: ledger.PostgresMigrations()})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), server.DSN())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(t.Context()) })
	return mover{conn, server.DSN()}
}

func (m mover) compare(t *testing.T, dir string) {
	t.Helper()
	paths := []string{filepath.Join(dir, orchestratorDB)}
	for _, file := range []string{homeDB, awayDB} {
		schema := strings.TrimSuffix(file, ".db")
		m.move(t, filepath.Join(dir, file), schema)
		paths = append(paths, pgtest.WithSchema(m.dsn, schema))
	}
	files, err := Sort(t.Context(), paths)
	if err != nil {
		t.Fatal(err)
	}
	moved, err := Run(t.Context(), files)
	if err != nil {
		t.Fatal(err)
	}
	if want := audited(t, dir); moved.OK != want.OK || moved.Judged != want.Judged || !slices.Equal(spoken(moved), spoken(want)) {
		t.Errorf("on Postgres: %d judged\n%s\nin files: %d judged\n%s", moved.Judged, strings.Join(spoken(moved), "\n"), want.Judged, strings.Join(spoken(want), "\n"))
	}
}

func spoken(r *Report) (all []string) {
	for _, v := range r.Violations {
		all = append(all, v.Invariant+" "+v.Saga+": "+v.Detail)
	}
	slices.Sort(all)
	return all
}

// move copies what the audit reads, without the constraints that keep a bank from being broken.
func (m mover) move(t *testing.T, path, schema string) {
	t.Helper()
	from, err := sql.Open("sqlite3", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	name := pgx.Identifier{schema}.Sanitize()
	if _, err := m.conn.Exec(t.Context(), "DROP SCHEMA IF EXISTS "+name+" CASCADE; CREATE SCHEMA "+name); err != nil {
		t.Fatal(err)
	}
	for table, columns := range map[string]string{
		"accounts": "account, currency, balance, held, version, closed",
		"entries":  "saga, step, kind, account, amount, balance, version, posted, change",
		"inbox":    "saga, step, origin, state, outcome",
		"holds":    "saga, step, direction, account, amount, state, confirm, expires, expiry",
	} {
		into := pgx.Identifier{schema, table}
		if _, err := m.conn.Exec(t.Context(), "CREATE TABLE "+into.Sanitize()+" AS SELECT "+columns+" FROM empty."+table+" WITH NO DATA"); err != nil {
			t.Fatal(err)
		}
		rows, err := from.QueryContext(t.Context(), "SELECT "+columns+" FROM "+table)
		if err != nil {
			t.Fatal(err)
		}
		names := strings.Split(columns, ", ")
		_, err = m.conn.CopyFrom(t.Context(), into, names, pgx.CopyFromFunc(func() ([]any, error) {
			if !rows.Next() {
				return nil, rows.Err()
			}
			row, to := make([]any, len(names)), make([]any, len(names))
			for i := range row {
				to[i] = &row[i]
			}
			return row, rows.Scan(to...)
		}))
		if err != nil {
			t.Fatalf("%s: %v", table, err)
		}
		_ = rows.Close()
	}
}
