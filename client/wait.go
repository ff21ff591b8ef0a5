package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/saga"
	"github.com/nats-io/nats.go"
)

// lookAgain is how long an event is waited for before the saga is asked for anyway. Events may be
// lost; what is delayed by that is seen after this time.
const lookAgain = 3 * time.Second

// Wait returns a saga when it is terminal. A saga that is suspended is waited for: a person or a
// late reply may move it on. When ctx ends it returns the saga as last seen, and the error.
func (c *Client) Wait(ctx context.Context, id string) (saga.Document, error) {
	var last saga.Document
	err := c.Follow(ctx, id, func(doc saga.Document) bool {
		last = doc
		return !doc.State.Terminal()
	})
	return last, err
}

// Follow shows a saga to more, now and as it changes, until more returns false. It goes on while
// nobody answers; a saga that does not exist is a *Problem with [CodeNotFound]. Changes that
// follow each other quickly may be shown as one. What is shown as terminal was asked for, never
// taken from an event.
func (c *Client) Follow(ctx context.Context, id string, more func(saga.Document) bool) error {
	if err := saga.CheckID("saga id", id); err != nil {
		return wire.Invalid(err) // a wildcard would follow the events of others
	}
	f := &follower{client: c, id: id, more: more, events: make(chan *nats.Msg, followed)}
	filter := c.names.EventFilter("*", id)
	// First subscribe, then look: a change in between is seen one way or the other.
	sub, err := c.conn.Subscribe(filter, f.take)
	if err != nil {
		return fmt.Errorf("follow saga %s: %w", id, c.transportError(ctx, filter, err))
	}
	defer func() { _ = sub.Unsubscribe() }() // fails only when the connection is closed
	if err := f.run(ctx); err != nil {
		return fmt.Errorf("follow saga %s: %w", id, err)
	}
	return nil
}

// followed bounds the events of one saga that wait to be shown; more are dropped.
const followed = 64

type follower struct {
	client *Client
	id     string
	more   func(saga.Document) bool
	events chan *nats.Msg
	last   saga.Document
}

func (f *follower) take(m *nats.Msg) {
	select {
	case f.events <- m:
	default: // the next look makes up for it
	}
}

// run asks, shows, and shows events until it is time to ask again.
func (f *follower) run(ctx context.Context) error {
	var before error // of the try before
	for failures := 0; ; {
		doc, err := f.client.Get(ctx, f.id)
		if err != nil {
			if errors.Is(ctx.Err(), context.DeadlineExceeded) && errors.Is(before, ErrUnreachable) {
				return before // that nobody was there says more than that time was over in the midst of a try
			}
			if !transient(err) || pause(ctx, failures, err) != nil {
				return err
			}
			failures, before = failures+1, err
			continue
		}
		failures, before = 0, nil
		if !f.show(doc) {
			return nil
		}
		if done, err := f.listen(ctx); done || err != nil {
			return err
		}
	}
}

// show passes over what is older than what was shown.
func (f *follower) show(doc saga.Document) (more bool) {
	if doc.Updated.Before(f.last.Updated.Time) {
		return true
	}
	f.last = doc
	return f.more(doc)
}

// listen shows the events that come, and returns when the saga must be asked for: it has ended,
// or nothing was heard for a while.
func (f *follower) listen(ctx context.Context) (done bool, err error) {
	t := time.NewTimer(lookAgain)
	defer t.Stop()
	for {
		select {
		case m := <-f.events:
			e, ok := f.client.event(m)
			if !ok || e.Saga.State.Terminal() {
				return false, nil
			}
			if !f.show(e.Saga) {
				return true, nil
			}
		case <-t.C:
			return false, nil
		case <-ctx.Done():
			return false, f.client.transportError(ctx, f.client.names.API("get"), context.DeadlineExceeded)
		}
	}
}
