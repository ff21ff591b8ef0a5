package postgres

import (
	"context"
	"database/sql"
	"fmt"
	"testing"

	"github.com/girohq/giro/internal/pgtest"
	"github.com/girohq/giro/outbox"
)

// openForeign is a schema with its owner, and somebody else's connections to it.
func openForeign(t *testing.T) (db *DB, foreign *sql.DB) {
	t.Helper()
	dsn := pgtest.DSN(t)
	db = openAt(t, Config{DSN: dsn, Writers: 2})
	foreign, err := sql.Open("pgx", dsn)
	must(t, err)
	t.Cleanup(func() { must(t, foreign.Close()) })
	return db, foreign
}

// post begins a transaction of somebody else that puts a message.
func post(t *testing.T, foreign *sql.DB, key string) *sql.Tx {
	t.Helper()
	tx, err := foreign.BeginTx(bg, nil)
	must(t, err)
	t.Cleanup(func() { _ = tx.Rollback() }) // where the test has failed
	must(t, Post(bg, tx, outbox.Message{Key: key, Subject: "s." + key, Body: []byte(key), Attempt: 1}))
	return tx
}

func wantClaimed(t *testing.T, db *DB, want ...string) {
	t.Helper()
	claimed, err := db.claimUnsent(bg)
	must(t, err)
	var got []string
	for _, m := range claimed {
		got = append(got, m.Key)
		if m.Subject != "s."+m.Key || string(m.Body) != m.Key {
			t.Errorf("%+v", m)
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("claimed %v, want %v", got, want)
	}
}

// TestClaimsSkipWhatIsLocked holds that a row which somebody has locked holds up no other, and is
// claimed when it is free.
func TestClaimsSkipWhatIsLocked(t *testing.T) {
	db, foreign := openForeign(t)
	for _, key := range []string{"a", "b"} {
		must(t, post(t, foreign, key).Commit())
	}
	locked := post(t, foreign, "a") // put again, and not committed yet
	wantClaimed(t, db, "b")
	wantClaimed(t, db)
	must(t, locked.Rollback())
	wantClaimed(t, db, "a")
	wantClaimed(t, db)
}

// TestClaimsMissNothing holds that what commits late is claimed although others that began later were
// claimed before it, and that what is rolled back never is.
func TestClaimsMissNothing(t *testing.T) {
	db, foreign := openForeign(t)
	early, never := post(t, foreign, "early"), post(t, foreign, "never")
	must(t, post(t, foreign, "late").Commit())
	wantClaimed(t, db, "late")
	must(t, early.Commit())
	must(t, never.Rollback())
	wantClaimed(t, db, "early")
	wantClaimed(t, db)
}

// publisher keeps the ids of what is sent.
type publisher struct{ sent chan string }

func (p publisher) Publish(_ *outbox.Message, id string, done func(error)) {
	p.sent <- id
	done(nil)
}

// TestFeed holds that what others commit is sent by the owner's relay, and by the next owner's again
// until it is deleted.
func TestFeed(t *testing.T) {
	dsn := pgtest.DSN(t)
	for boot := 1; boot <= 2; boot++ {
		db := openAt(t, Config{DSN: dsn, Writers: 2})
		ctx, cancel := context.WithCancel(bg)
		out := publisher{make(chan string, 8)}
		relay := outbox.NewRelay(outbox.RelayConfig{DB: db, Publisher: out})
		ended := make(chan error, 2)
		go func() { ended <- relay.Run(ctx) }()
		go func() { ended <- db.Feed(ctx, relay) }()
		if boot == 1 {
			foreign, err := sql.Open("pgx", dsn)
			must(t, err)
			must(t, post(t, foreign, "k").Commit())
			must(t, foreign.Close())
		}
		if id, want := <-out.sent, fmt.Sprintf("k/1.%d.1", boot); id != want {
			t.Errorf("sent %s, want %s", id, want)
		}
		cancel()
		must(t, <-ended)
		must(t, <-ended)
		must(t, db.Close())
	}
}
