package client_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/girohq/giro/client"
	"github.com/girohq/giro/saga"
	"github.com/nats-io/nats.go"
)

var errEnough = errors.New("enough")

func TestWatch(t *testing.T) {
	n, _ := startNodeOn(t, t.TempDir(), "")
	conn := connect(t, n)
	c, ctx := clientOf(t, conn), within(t)
	for _, watched := range []struct {
		id   string // "" watches all
		run  string // ends the ids
		want []string
	}{
		{"", "1", []string{"ok-1 accepted", "ok-1 completed", "bad-1 accepted", "bad-1 compensating", "bad-1 compensated"}},
		{"bad-2", "2", []string{"bad-2 accepted", "bad-2 compensating", "bad-2 compensated"}},
	} {
		var got []string
		done := watching(t, conn, func() error {
			return c.Watch(ctx, watched.id, func(e client.Event) error {
				if e.Number == 0 {
					t.Errorf("event without a number: %+v", e)
				}
				got = append(got, e.Saga.ID+" "+e.Name)
				if e.Name == saga.EventCompensated {
					return errEnough
				}
				return nil
			})
		})
		start := func(id string, input transfer) {
			if _, err := c.Start(ctx, "transfer", id+watched.run, input, client.WithWait(patience)); err != nil {
				t.Fatal(err)
			}
		}
		start("ok-", pays(1))
		start("bad-", paysNobody())
		if err := <-done; !errors.Is(err, errEnough) {
			t.Errorf("watch %q: %v", watched.id, err)
		}
		if !slices.Equal(got, watched.want) {
			t.Errorf("watch %q saw %q, want %q", watched.id, got, watched.want)
		}
	}
}

// watching runs a watch and returns once the broker knows of it.
func watching(t *testing.T, conn *nats.Conn, watch func() error) <-chan error {
	t.Helper()
	before := conn.NumSubscriptions()
	done := make(chan error, 1)
	go func() { done <- watch() }()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for conn.NumSubscriptions() == before {
		<-tick.C
	}
	if err := conn.Flush(); err != nil {
		t.Fatal(err)
	}
	return done
}

func TestWatchEnds(t *testing.T) {
	conn := startBroker(t)
	c := clientOf(t, conn)
	none := func(client.Event) error { return nil }
	t.Run("with its context", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		done := watching(t, conn, func() error { return c.Watch(ctx, "", none) })
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	t.Run("an id with a wildcard", func(t *testing.T) {
		wantProblem(t, c.Watch(within(t), ">", none), client.CodeInvalid, "'>'")
	})
	t.Run("events too fast", func(t *testing.T) {
		seen, release := make(chan struct{}, 1), make(chan struct{})
		done := watching(t, conn, func() error {
			return c.Watch(within(t), "T-1", func(client.Event) error {
				select {
				case seen <- struct{}{}:
					<-release
				default:
				}
				return nil
			})
		})
		publish := func() {
			if err := conn.Publish("saga.event.transfer.T-1.accepted", []byte(`{"id":"T-1"}`)); err != nil {
				t.Fatal(err)
			}
		}
		publish()
		<-seen
		for range 20_000 {
			publish()
		}
		if err := conn.Flush(); err != nil { // all of them have come back by now
			t.Fatal(err)
		}
		close(release)
		if err := <-done; !errors.Is(err, client.ErrMissed) {
			t.Errorf("error is %v, want ErrMissed", err)
		}
	})
}
