package jet_test

import (
	"context"
	"errors"
	"testing"

	"github.com/girohq/giro/internal/jet"
	"github.com/nats-io/nats.go"
)

// TestWhileConnected holds that nobody waits for an answer that was lost with its connection.
func TestWhileConnected(t *testing.T) {
	b := newBroker(t)
	nc := b.connect("asks")
	asked := make(chan *nats.Msg, 1)
	if _, err := b.connect("never answers").ChanSubscribe("question", asked); err != nil {
		t.Fatal(err)
	}
	limited, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ctx, done := jet.WhileConnected(limited, nc)
	defer done()
	ended := make(chan error, 1)
	go func() {
		for { // the subscription may be a moment late
			_, err := nc.RequestWithContext(ctx, "question", nil)
			if !errors.Is(err, nats.ErrNoResponders) {
				ended <- err
				return
			}
		}
	}()
	<-asked
	b.cut()
	if err := <-ended; !errors.Is(err, context.Canceled) || !errors.Is(context.Cause(ctx), jet.ErrDisconnected) || limited.Err() != nil {
		t.Errorf("%v because of %v, want ErrDisconnected", err, context.Cause(ctx))
	}
	if _, err := nc.RequestWithContext(ctx, "question", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("the context lives again: %v", err)
	}
}
