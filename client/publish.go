package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/girohq/giro/internal/wire"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
)

// publishTry is how long one try of a publish waits for the broker's ack.
const publishTry = 5 * time.Second

// Publish hands a start to the broker and returns the saga's id when it is on the broker's disk.
// An empty id makes a UUIDv7. It repeats the publish while nobody answers, until ctx ends.
//
// The orchestrator reads it as soon as it can; what it refuses becomes a dead letter, which only
// Get shows, by not finding the saga. See the package's comment for what the ack does not promise.
func (c *Client) Publish(ctx context.Context, sagaType, id string, input any, opts ...StartOption) (string, error) {
	s, err := newStart(sagaType, id, input, opts)
	if err != nil {
		return id, err
	}
	m := &nats.Msg{Subject: c.names.StartSubject(s.sagaType, s.id), Header: s.header, Data: s.input}
	// The message id is of this call and not of the saga: within the broker's window a corrected
	// start would otherwise be dropped as a copy of the one that was refused.
	m.Header[wire.HeaderMsgID] = []string{s.id + "/" + nuid.Next()}
	for tries := 0; ; tries++ {
		err := c.publishOnce(ctx, m)
		if err == nil {
			return s.id, nil
		}
		if !transient(err) || pause(ctx, tries, err) != nil {
			return s.id, fmt.Errorf("publish start of saga %s: %w", s.id, err)
		}
	}
}

func (c *Client) publishOnce(ctx context.Context, m *nats.Msg) error {
	if err := c.slot(ctx); err != nil {
		return c.transportError(ctx, m.Subject, err)
	}
	defer c.free()
	try, cancel := context.WithTimeout(ctx, publishTry)
	defer cancel()
	_, err := c.js.PublishMsg(try, m, jetstream.WithRetryAttempts(0))
	var refused *jetstream.APIError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &refused):
		return wire.Unavailable("the broker does not take the start: " + refused.Description)
	}
	return c.transportError(ctx, m.Subject, err)
}
