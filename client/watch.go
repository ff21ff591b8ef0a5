package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/saga"
	"github.com/nats-io/nats.go"
)

// maxUnseen bounds the events that wait to be seen by a watcher; more are dropped.
const (
	maxUnseen      = 16 << 10
	maxUnseenBytes = 64 << 20
)

// Event is a lifecycle event of a saga.
type Event struct {
	Name   string        `json:"event"`  // accepted, compensating, suspended, completed, compensated, abandoned
	Number int64         `json:"number"` // grows over all sagas of the orchestrator; several events of one move share it
	Saga   saga.Document `json:"saga"`   // as it was when the event was published
}

// Watch shows lifecycle events to seen as they come, of one saga or with an empty id of all,
// until ctx ends or seen returns an error, which it returns. Each event comes at least once while
// the connection is up; what happens while it is away is not shown. When seen is too slow Watch
// ends with [ErrMissed].
func (c *Client) Watch(ctx context.Context, id string, seen func(Event) error) error {
	filter := c.names.EventFilter("*", "*")
	if id != "" {
		if err := saga.CheckID("saga id", id); err != nil {
			return wire.Invalid(err)
		}
		filter = c.names.EventFilter("*", id)
	}
	sub, err := c.conn.SubscribeSync(filter)
	if err != nil {
		return fmt.Errorf("watch: %w", c.transportError(ctx, filter, err))
	}
	defer func() { _ = sub.Unsubscribe() }() // fails only when the connection is closed
	if err := sub.SetPendingLimits(maxUnseen, maxUnseenBytes); err != nil {
		return fmt.Errorf("watch: %w", err)
	}
	for {
		m, err := sub.NextMsgWithContext(ctx)
		if errors.Is(err, nats.ErrSlowConsumer) {
			return fmt.Errorf("watch: %w", ErrMissed)
		}
		if err != nil {
			return fmt.Errorf("watch: %w", c.transportError(ctx, filter, err))
		}
		if e, ok := c.event(m); ok {
			if err := seen(e); err != nil {
				return err
			}
		}
	}
}

// event reads an event. What others publish there is passed over.
func (c *Client) event(m *nats.Msg) (e Event, ok bool) {
	_, _, name, ok := c.names.ParseEvent(m.Subject)
	if !ok || json.Unmarshal(m.Data, &e.Saga) != nil {
		return e, false
	}
	e.Name = name
	number, err := strconv.ParseInt(m.Header.Get(wire.HeaderEventNumber), 10, 64)
	if err == nil { // else 0: unknown
		e.Number = number
	}
	return e, true
}
