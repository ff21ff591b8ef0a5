package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/girohq/giro/internal/pgtest"
	"github.com/girohq/giro/outbox"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// TestPermissions holds what an owner and a reader need, and that they are told what they lack.
func TestPermissions(t *testing.T) {
	dsn := pgtest.NewServer(t).DSN()
	admin, err := pgx.Connect(bg, dsn)
	must(t, err)
	t.Cleanup(func() { must(t, admin.Close(bg)) })
	do := func(sql string) {
		t.Helper()
		_, err := admin.Exec(bg, sql)
		must(t, err)
	}
	as := func(user string) string { return strings.Replace(dsn, "user=giro", "user="+user, 1) }
	do(`CREATE ROLE bank LOGIN; CREATE ROLE reader LOGIN`)

	_, err = Open(bg, Config{DSN: as("bank"), Schema: "s"})
	if !errors.Is(err, ErrPermission) || !strings.Contains(err.Error(), `CREATE SCHEMA "s" AUTHORIZATION "bank"`) {
		t.Errorf("without a schema: %v", err)
	}
	do(`CREATE SCHEMA s AUTHORIZATION bank`)
	db := openAt(t, Config{DSN: as("bank"), Schema: "s"})
	write(t, db, `CREATE TABLE items (id BIGINT PRIMARY KEY)`)
	if _, err = Open(bg, Config{DSN: as("reader"), Schema: "s"}); !errors.Is(err, ErrPermission) {
		t.Errorf("an owner without USAGE: %v", err)
	}

	read := pgtest.WithSchema(as("reader"), "s")
	if _, err = OpenReadOnly(bg, read); !errors.Is(err, ErrPermission) {
		t.Errorf("a reader without USAGE: %v", err)
	}
	do(`GRANT USAGE ON SCHEMA s TO reader; GRANT SELECT ON ALL TABLES IN SCHEMA s TO reader`)
	reader, err := OpenReadOnly(bg, read)
	must(t, err)
	var n int
	must(t, reader.Get(&n, `SELECT count(*) FROM items`))
	must(t, reader.Close())
}

// TestUnreachable holds which errors mean that the server is not there, or not yet.
func TestUnreachable(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want bool
	}{
		{io.ErrUnexpectedEOF, true}, // it was killed while it was asked
		{&net.OpError{Op: "read", Err: syscall.ECONNRESET}, true},
		{&pgconn.PgError{Code: "57P01"}, true},
		{&pgconn.PgError{Code: "57P03"}, true},
		{&pgconn.PgError{Code: insufficientPrivilege}, false},
		{outbox.ErrLocked, false},
		{context.DeadlineExceeded, false},
		{sql.ErrNoRows, false},
	} {
		err := fmt.Errorf("open: %w", tt.err)
		if got := errors.Is(reason(err), ErrUnreachable); got != tt.want {
			t.Errorf("%v: unreachable %t, want %t", tt.err, got, tt.want)
		}
	}
}

// TestReasons holds that errors of opening have one line each, and a reason to match.
func TestReasons(t *testing.T) {
	server := pgtest.NewServer(t)
	for dsn, want := range map[string]error{
		strings.Replace(server.DSN(), "/postgres?", "/none?", 1):         ErrNoDatabase,
		strings.Replace(server.DSN(), "user=giro", "user=stranger", 1):   ErrDenied,
		"postgres://giro:secret@127.0.0.1:1/x":                           ErrUnreachable,
		"postgres://giro:secret@127.0.0.1:port/x":                        ErrConfig,
		"host=127.0.0.1 port=1 user=giro password=secret dbname=banks ?": ErrConfig,
	} {
		db, err := Open(bg, Config{DSN: dsn})
		if db != nil {
			must(t, db.Close())
		}
		if !errors.Is(err, want) || strings.ContainsAny(err.Error(), "\n") || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v, want %v", dsn, err, want)
		}
	}
}
