package main

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/girohq/giro/internal/pgtest"
	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/outbox/postgres"
	"github.com/girohq/giro/participants/ledger"
)

// TestBankOnPostgres holds what a bank on Postgres says when it cannot start, with which exit code, and
// that a password is not in it; and that one that can start ends in order.
func TestBankOnPostgres(t *testing.T) {
	server := pgtest.NewServer(t)
	dsn := server.DSN()
	bank := func(dsn string) *program {
		t.Setenv(postgresEnv, dsn)
		return giro(t, "participant", "ledger", "--bank", "B", "--server", nobody, "--postgres-wait", "0s")
	}
	for name, tt := range map[string]struct {
		dsn  string
		code int
		says string
	}{
		"no server":    {"postgres://giro:secret@127.0.0.1:1/banks", exitUnreachable, "the server does not answer"},
		"no user":      {strings.Replace(dsn, "user=giro", "user=nobody&password=secret", 1), exitUnauthorized, "does not let this user in"},
		"no database":  {strings.Replace(dsn, "/postgres?", "/banks?password=secret&", 1), exitError, "there is no such database"},
		"no port":      {"postgres://giro:secret@127.0.0.1:x/banks", exitUsage, "the DSN cannot be read: invalid port"},
		"not a scheme": {"postgrs://giro:secret@127.0.0.1/banks", exitUsage, "the DSN cannot be read"},
		"bad password": {"postgres://giro:secret%5@127.0.0.1/banks", exitUsage, "the DSN cannot be read"},
	} {
		p := bank(tt.dsn)
		if code, said := p.end(t, nil), p.stderr.String(); code != tt.code || !strings.Contains(said, tt.says) || strings.Contains(said, "secret") {
			t.Errorf("%s: exit code %d, want %d\n%s", name, code, tt.code, said)
		}
	}
	first := bank(dsn)
	first.watch(t, func() bool { return strings.Contains(first.stderr.String(), "data in Postgres") })
	second := bank(dsn)
	if code, said := second.end(t, nil), second.stderr.String(); code != exitError || !strings.Contains(said, "already in use: it is held by process giro ") {
		t.Errorf("a second one: exit code %d\n%s", code, said)
	}
	if code := first.end(t, syscall.SIGINT); code != exitOK {
		t.Errorf("exit code %d\n%s", code, first.stderr.String())
	}
}

// TestBankWaitsForPostgres holds that a bank may be started before the server of its database, and that
// it may be interrupted while it waits.
func TestBankWaitsForPostgres(t *testing.T) {
	server := pgtest.NewServer(t)
	if err := server.Kill(); err != nil {
		t.Log(err) // it has not ended well, and was not meant to
	}
	t.Setenv(postgresEnv, server.DSN())
	var waiting [2]*program
	for i := range waiting {
		waiting[i] = giro(t, "participant", "ledger", "--bank", fmt.Sprint("B", i), "--server", nobody, "--postgres-wait", "1h")
		waiting[i].watch(t, func() bool { return strings.Contains(waiting[i].stderr.String(), "waiting for Postgres") })
	}
	if code := waiting[0].end(t, syscall.SIGINT); code != exitInterrupted {
		t.Errorf("interrupted while it waits: exit code %d\n%s", code, waiting[0].stderr.String())
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	waiting[1].watch(t, func() bool { return strings.Contains(waiting[1].stderr.String(), "data in Postgres") })
	if code := waiting[1].end(t, syscall.SIGINT); code != exitOK {
		t.Errorf("exit code %d\n%s", code, waiting[1].stderr.String())
	}
}

// A server that goes away while accounts are opened is waited for as well; what a bank refuses is not. TestKill9Postgres
// found it, seed 1795933699707243635.
func TestPostgresWhileGone(t *testing.T) {
	for err, waits := range map[error]bool{
		fmt.Errorf("account 17: %w", outbox.ErrTxLost): true,
		outbox.ErrNotBegun:     true,
		outbox.ErrUnusable:     true,
		ledger.ErrStrategy:     false,
		postgres.ErrNoDatabase: false,
	} {
		if got := errors.Is(whileGone(err), postgres.ErrUnreachable); got != waits || !errors.Is(whileGone(err), err) {
			t.Errorf("%v: it is waited for: %v", err, got)
		}
	}
}
