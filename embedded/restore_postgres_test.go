package embedded

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/girohq/giro/internal/pgtest"
	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/outbox/postgres"
	"github.com/girohq/giro/participants/ledger"
	"github.com/jackc/pgx/v5"
	"github.com/rs/zerolog"
)

// TestRestoredOnPostgres: a bank with several writers on Postgres, restored from a copy of its database, is
// noticed and mended as one in a file is.
func TestRestoredOnPostgres(t *testing.T) {
	server := pgtest.NewServer(t)
	moment := strings.Replace(server.DSN(), "/postgres", "/moment", 1)
	if moment == server.DSN() {
		moment = strings.Replace(server.DSN(), "dbname=postgres", "dbname=moment", 1)
	}
	r := newRestoreRig(t)
	r.names = []string{"A"}
	r.start()
	stop := r.bankOnPostgres(server.DSN())
	r.ready()
	r.transfer("one", 60)
	stop()
	execute(t, strings.Replace(moment, "moment", "template1", 1), "CREATE DATABASE moment TEMPLATE postgres")
	stop = r.bankOnPostgres(server.DSN())
	r.transfer("two", 100)
	before := accountsAt(t, server.DSN())
	stop()
	if r.log.say("quarantined") {
		t.Errorf("noticed without a cause: %s", r.log.all)
	}
	stop = r.bankOnPostgres(moment)
	r.eventually("noticed", func() bool { return r.log.say("its database is an older copy") })
	r.eventually("mended", func() bool { return r.member("B").State == wire.MemberServing })
	if after := accountsAt(t, moment); after != before {
		t.Errorf("balances %s, and they were %s", after, before)
	}
	r.patience = "10" // less than an attempt's timeout
	r.transfer("three", 40)
	if n := r.count("running"); n > 0 {
		t.Errorf("%d answers were lost", n)
	}
	stop()
	stop = r.bankOnPostgres(moment)
	r.transfer("four", 10)
	stop()
	if m := r.member("B"); m.State != wire.MemberServing {
		t.Errorf("%+v", m)
	}
	r.stop()
}

// bankOnPostgres runs bank B there; what it returns ends it.
func (r *restoreRig) bankOnPostgres(dsn string) (stop func()) {
	r.Helper()
	conn, err := r.node.Connect("giro bank B")
	r.must(err)
	bank, err := ledger.Open(r.Context(), ledger.Config{Bank: "B", Conn: conn, Log: zerolog.New(r.log),
		Postgres: &postgres.Config{DSN: dsn, Writers: 4, Readers: 2}})
	r.must(err)
	_, err = bank.OpenAccounts(r.Context(), restoreBranch("B").Accounts)
	r.must(err)
	ctx, end := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- bank.Run(ctx) }()
	return func() {
		end()
		r.must(<-ended)
		r.must(bank.Close())
		conn.Close()
	}
}

func execute(t *testing.T, dsn, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

func accountsAt(t *testing.T, dsn string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	var all string
	if err := conn.QueryRow(t.Context(), `SELECT string_agg(account || '=' || balance, ' ' ORDER BY account) FROM accounts`).Scan(&all); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(all)
}
