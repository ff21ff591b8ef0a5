package client_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/girohq/giro/client"
	"github.com/girohq/giro/embedded"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"
)

// verdicts are what a starter's Forbidden was told.
type verdicts chan error

func (v verdicts) told(_ string, err error) { v <- err }

// next is what it is told next.
func (v verdicts) next(t *testing.T) error {
	t.Helper()
	select {
	case err := <-v:
		return err
	case <-within(t).Done():
		t.Fatal("the caller is not told")
		return nil
	}
}

// Starts of a type that this user may not start are told to the caller once, hold up no other, and go when
// they are allowed.
func TestForbiddenIsToldAndHoldsUpNobody(t *testing.T) {
	conn, db, ctx := startBroker(t), newShop(t), within(t)
	var allowed atomic.Bool
	var asked atomic.Int32
	standIn(t, conn, "saga.api.v1.start.>", func(m *nats.Msg) string {
		if strings.HasSuffix(m.Subject, ".secret") && !allowed.Load() {
			asked.Add(1)
			return `{"title":"Not allowed","status":403,"code":"unauthorized","detail":"not you"}`
		}
		return fmt.Sprintf(`{"id":%q}`, m.Header.Get("Saga-Id"))
	})
	const forbidden, others = 600, 3 // more than there is room for at a time
	inTx(t, db, func(tx *sql.Tx) error {
		var errs []error
		for i := range forbidden {
			errs = append(errs, placeOrder(ctx, tx, fmt.Sprint("S-", i), "secret", pays(1)))
		}
		for i := range others { // of one lane, behind all of them
			errs = append(errs, placeOrder(ctx, tx, fmt.Sprint("T-", i), "transfer", pays(1), client.WithLane("x")))
		}
		return errors.Join(errs...)
	})
	told := make(verdicts, 8)
	runStarter(t, client.StarterConfig{Client: clientOf(t, conn), DB: db, Forbidden: told.told, Log: zerolog.Nop()})
	var problem *client.Problem
	if err := told.next(t); !errors.As(err, &problem) || problem.Code != client.CodeUnauthorized {
		t.Errorf("told %v", err)
	}
	becomes(t, db, 0, waiting+` AND type = 'transfer'`)
	becomes(t, db, forbidden, waiting)
	if n := asked.Load(); n > 300 {
		t.Errorf("%d of %d forbidden starts were sent", n, forbidden)
	}
	allowed.Store(true)
	becomes(t, db, 0, waiting)
	if err := told.next(t); err != nil || len(told) > 0 {
		t.Errorf("told %v, and %d more", err, len(told))
	}
}

// The broker says no by silence and a note: that is told as what it is.
func TestForbiddenByTheBroker(t *testing.T) {
	b, err := embedded.StartNATS(embedded.NATSConfig{Dir: t.TempDir(), Listen: "127.0.0.1:0", Users: []embedded.User{
		{Name: "shop", Password: "secret", Permissions: &server.Permissions{Publish: &server.SubjectPermission{Deny: []string{"saga.api.v1.start.>"}}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Shutdown)
	conn, err := nats.Connect(b.URL(), nats.UserInfo("shop", "secret"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	db, told := newShop(t), make(verdicts, 8)
	inTx(t, db, func(tx *sql.Tx) error {
		return placeOrder(context.Background(), tx, "S-1", "transfer", pays(1))
	})
	runStarter(t, client.StarterConfig{Client: clientOf(t, conn), DB: db, Forbidden: told.told, Log: zerolog.Nop()})
	if err := told.next(t); !errors.Is(err, client.ErrUnauthorized) {
		t.Errorf("told %v", err)
	}
	becomes(t, db, 1, waiting)
}
