package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
)

// gathering is how long nobody must have answered before all are taken to have.
const gathering = 300 * time.Millisecond

// gather asks everybody who listens to a verb and takes answers until they cease. The first is waited for
// until ctx ends. The error is why there is none, or that one cannot be read.
func gather[T any](ctx context.Context, c *Client, verb string) ([]T, error) {
	subject := c.names.API(verb)
	inbox := c.conn.NewInbox()
	sub, err := c.conn.SubscribeSync(inbox)
	if err == nil {
		defer func() { _ = sub.Unsubscribe() }() // without a connection there is nothing to end
		err = c.conn.PublishRequest(subject, inbox, nil)
	}
	if err != nil {
		return nil, c.transportError(ctx, subject, err)
	}
	var all []T
	for waiting := ctx; ; {
		m, err := sub.NextMsgWithContext(waiting)
		if err == nil && len(m.Data) == 0 && m.Header.Get("Status") == "503" {
			err = nats.ErrNoResponders
		}
		switch {
		case err != nil && len(all) > 0 && errors.Is(err, context.DeadlineExceeded):
			return all, nil
		case err != nil:
			return nil, c.transportError(ctx, subject, err)
		}
		var one T
		if err := errors.Join(problemOf(m), decode(verb, m.Data, &one)); err != nil {
			return nil, fmt.Errorf("%s: %w", verb, err)
		}
		all = append(all, one)
		more, cancel := context.WithTimeout(ctx, gathering)
		defer cancel()
		waiting = more
	}
}
