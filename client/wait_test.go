package client_test

import (
	"errors"
	"sync/atomic"
	"testing"

	"github.com/girohq/giro/client"
	"github.com/girohq/giro/saga"
	"github.com/nats-io/nats.go"
)

func TestWait(t *testing.T) {
	c := newClient(t, parse(t, lonely))
	ctx := within(t)
	if _, err := c.Start(ctx, "lonely", "L-1", nil); err != nil {
		t.Fatal(err)
	}
	t.Run("shows each state and ends with the last", func(t *testing.T) {
		var states []saga.State
		err := c.Follow(ctx, "L-1", func(doc saga.Document) bool {
			if len(states) == 0 {
				go func() {
					if _, err := c.Cancel(ctx, "L-1", "a test"); err != nil {
						t.Error(err)
					}
				}()
			}
			if len(states) == 0 || states[len(states)-1] != doc.State {
				states = append(states, doc.State)
			}
			return doc.State == saga.Running
		})
		if err != nil || len(states) != 2 || states[0] != saga.Running || states[1] != saga.Compensating {
			t.Errorf("%v, %v", states, err)
		}
	})
	t.Run("a saga that has ended", func(t *testing.T) {
		if _, err := c.Start(ctx, "transfer", "T-1", pays(1)); err != nil {
			t.Fatal(err)
		}
		doc, err := c.Wait(ctx, "T-1")
		if err != nil || doc.State != saga.Completed {
			t.Errorf("%+v, %v", doc, err)
		}
	})
	t.Run("no such saga", func(t *testing.T) {
		_, err := c.Wait(ctx, "none")
		wantProblem(t, err, client.CodeNotFound, "none")
	})
	t.Run("an id with a wildcard", func(t *testing.T) {
		_, err := clientOf(t, startBroker(t)).Wait(ctx, "*") // refused without asking anybody
		wantProblem(t, err, client.CodeInvalid, "'*'")
	})
	t.Run("the context ends", func(t *testing.T) {
		doc, err := c.Wait(briefly(t), "L-1")
		if !errors.Is(err, client.ErrTimeout) || doc.ID != "L-1" {
			t.Errorf("%+v, %v", doc, err)
		}
	})
}

// TestWaitWithoutEvents holds that a lost event cannot make a wait hang.
func TestWaitWithoutEvents(t *testing.T) {
	conn := startBroker(t)
	var asked atomic.Int32
	standIn(t, conn, "saga.api.v1.get", func(*nats.Msg) string {
		switch asked.Add(1) {
		case 1:
			return `{"id":"T-1","state":"running","updated":"2026-01-02T03:04:05Z"}`
		case 2:
			return unavailable
		}
		return `{"id":"T-1","state":"completed","updated":"2026-01-02T03:04:06Z"}`
	})
	doc, err := clientOf(t, conn).Wait(within(t), "T-1")
	if err != nil || doc.State != saga.Completed {
		t.Errorf("%+v, %v", doc, err)
	}
}

// TestEventsAreHints holds that an event alone never ends a wait, and that an old one does not
// take a saga back.
func TestEventsAreHints(t *testing.T) {
	conn := startBroker(t)
	var asked atomic.Int32
	standIn(t, conn, "saga.api.v1.get", func(*nats.Msg) string {
		if asked.Add(1) <= 2 {
			return `{"id":"T-1","state":"compensating","updated":"2026-01-02T03:04:05Z"}`
		}
		return `{"id":"T-1","state":"compensated","updated":"2026-01-02T03:04:06Z"}`
	})
	publish := func(event, body string) {
		if err := conn.Publish("saga.event.transfer.T-1."+event, []byte(body)); err != nil {
			t.Error(err)
		}
	}
	var states []saga.State
	err := clientOf(t, conn).Follow(within(t), "T-1", func(doc saga.Document) bool {
		states = append(states, doc.State)
		if len(states) == 1 {
			publish("accepted", `{"id":"T-1","state":"running","updated":"2026-01-02T03:04:04Z"}`) // late
			publish("strange", `not JSON`)
			publish("completed", `{"id":"T-1","state":"completed","updated":"2026-01-02T03:04:09Z"}`) // a lie
		}
		return !doc.State.Terminal()
	})
	if err != nil || len(states) < 2 || states[len(states)-1] != saga.Compensated {
		t.Errorf("%v, %v", states, err)
	}
	for _, s := range states {
		if s == saga.Completed || s == saga.Running {
			t.Errorf("%v: %s was shown", states, s)
		}
	}
}
