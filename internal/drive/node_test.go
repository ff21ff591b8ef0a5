package drive

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/girohq/giro/client"
	"github.com/girohq/giro/embedded"
	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/participants/ledger"
	"github.com/girohq/giro/saga"
)

// TestOn holds that the node works for as long as it is used, also after the context has ended.
func TestOn(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	bank := ledger.Branch{Bank: "A", Accounts: []ledger.Account{{Account: "1", Currency: "EUR", Balance: 100}, {Account: "2", Currency: "EUR"}}}
	cfg := embedded.Config{Data: t.TempDir(), Banks: []ledger.Branch{bank}}
	order := ledger.Transfer{From: ledger.Place{Bank: "A", Account: "1"}, To: ledger.Place{Bank: "A", Account: "2"}, Amount: 100, Currency: "EUR"}
	err := On(ctx, cfg, func(ctx context.Context, c *client.Client, _ *embedded.Node) error {
		stop()
		<-ctx.Done()
		patience, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		doc, err := c.Start(patience, "transfer", "T-1", order.Input(), client.WithWait(30*time.Second))
		if err != nil {
			return err
		}
		if doc.State != saga.Completed {
			t.Errorf("state %s", doc.State)
		}
		return context.Cause(ctx)
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// TestOnInUse holds that use is not called on a directory of another process.
func TestOnInUse(t *testing.T) {
	dir := t.TempDir()
	lock, err := outbox.LockDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Release()
	err = On(t.Context(), embedded.Config{Data: dir}, func(context.Context, *client.Client, *embedded.Node) error {
		t.Error("it was called")
		return nil
	})
	if !errors.Is(err, outbox.ErrLocked) {
		t.Errorf("error %v", err)
	}
}
