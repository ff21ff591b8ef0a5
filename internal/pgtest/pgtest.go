package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/girohq/giro/internal/pgserver"
	"github.com/jackc/pgx/v5"
)

// shared is the server of one test binary.
var shared struct {
	once   sync.Once
	server *pgserver.Server
	dsn    string
	err    error
	n      atomic.Int64
}

// DSN names a fresh, empty schema for one test, which is dropped at its end. Where there is no Postgres
// the test is skipped, and says so. The binary's TestMain must call [Stop] at its end.
func DSN(t testing.TB) string {
	t.Helper()
	shared.once.Do(startShared)
	skipWithout(t, shared.err)
	name := fmt.Sprintf("test_%d_%d", os.Getpid(), shared.n.Add(1))
	execute(t, "CREATE SCHEMA "+name)
	t.Cleanup(func() { execute(t, "DROP SCHEMA "+name+" CASCADE") })
	return WithSchema(shared.dsn, name)
}

// NewServer starts a server for one test, which may kill it. It is skipped like [DSN].
func NewServer(t testing.TB) *pgserver.Server {
	t.Helper()
	s, err := pgserver.New()
	skipWithout(t, err)
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Stop ends the server of this test binary, if one was started.
func Stop() {
	if shared.server == nil {
		return
	}
	if err := shared.server.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, "pgtest: stop:", err)
	}
}

// WithSchema makes connections of a DSN begin in a schema.
func WithSchema(dsn, name string) string {
	if !strings.Contains(dsn, "://") {
		return dsn + " search_path=" + name
	}
	if strings.Contains(dsn, "?") {
		return dsn + "&search_path=" + name
	}
	return dsn + "?search_path=" + name
}

func startShared() {
	if shared.dsn = os.Getenv("GIRO_POSTGRES"); shared.dsn != "" {
		return
	}
	s, err := pgserver.New()
	if err == nil {
		shared.server = s
		err = s.Start()
		shared.dsn = s.DSN()
	}
	shared.err = err
}

func skipWithout(t testing.TB, err error) {
	t.Helper()
	switch {
	case errors.Is(err, pgserver.ErrNone):
		t.Skipf("NOT RUN ON POSTGRES: %v", err)
	case err != nil:
		t.Fatal(err)
	}
}

// execute runs a statement on a connection of its own.
func execute(t testing.TB, sql string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	conn, err := pgx.Connect(ctx, shared.dsn)
	if err == nil {
		_, err = conn.Exec(ctx, sql)
		err = errors.Join(err, conn.Close(ctx))
	}
	if err != nil {
		t.Fatal(err)
	}
}
