package jet

import (
	"context"

	"github.com/nats-io/nats.go"
)

// WhileConnected returns a context that also ends when the connection is lost, with ErrDisconnected as its
// cause: what was asked by then is answered never, and need not be waited for.
func WhileConnected(ctx context.Context, nc *nats.Conn) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	status := nc.StatusChanged(nats.RECONNECTING, nats.CLOSED)
	go func() {
		if _, lost := <-status; lost {
			cancel(ErrDisconnected)
		}
	}()
	return ctx, func() {
		cancel(nil)
		nc.RemoveStatusListener(status) // which closes it
	}
}
