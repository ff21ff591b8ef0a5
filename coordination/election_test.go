package coordination

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Candidates lead one after the other, each in a term greater than the last, and never two at once
// while nobody is paused. Leaders leave by their context, by resigning and by an error.
func TestElection(t *testing.T) {
	onEach(t, func(t *testing.T, c *servers, replicas int) {
		var leading atomic.Int32
		var last atomic.Uint64
		var all sync.WaitGroup
		broken := errors.New("broken")
		for i := range 6 {
			e, err := NewElection(c.locks(Config{Replicas: replicas, TTL: 2 * time.Second}), "singleton")
			must(t, err)
			all.Go(func() {
				err := e.Run(bg, func(ctx context.Context, term Token) error {
					if leading.Add(1) != 1 {
						t.Error("two lead")
					}
					defer leading.Add(-1)
					if before := last.Swap(term.Number); before >= term.Number {
						t.Errorf("term %d after %d", term.Number, before)
					}
					if _, elected, err := e.Leader(ctx); !elected || err != nil {
						t.Errorf("nobody leads (%v)", err)
					}
					if i%2 == 0 {
						return broken
					}
					return nil
				})
				if (i%2 == 0) != errors.Is(err, broken) {
					t.Errorf("candidate %d: %v", i, err)
				}
			})
		}
		all.Wait()
	})
}

func TestElectionEndsWithItsContext(t *testing.T) {
	c := newServers(t, 1)
	l := c.locks(Config{})
	leader, err := NewElection(l, "x")
	must(t, err)
	ctx, cancel := context.WithCancel(bg)
	elected, ended := make(chan Token), make(chan error)
	lead := func(ctx context.Context, term Token) error {
		elected <- term
		<-ctx.Done()
		return ctx.Err()
	}
	go func() { ended <- leader.Run(ctx, lead) }()
	<-elected
	go func() { ended <- leader.Run(ctx, lead) }() // stands, and is never elected
	cancel()
	for range 2 {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	if _, held, err := l.Holder(bg, "x"); held || err != nil {
		t.Errorf("the leader left and holds on: %v", err)
	}
}

// A leader that loses its term is told, and stands again: its next term is a greater one.
func TestTermIsLost(t *testing.T) {
	c := newServers(t, 1)
	l := c.locks(Config{TTL: time.Second})
	e, err := NewElection(l, "x")
	must(t, err)
	var terms []uint64
	err = e.Run(bg, func(ctx context.Context, term Token) error {
		if terms = append(terms, term.Number); len(terms) == 2 {
			return nil
		}
		must(t, l.bucket.js.DeleteStream(ctx, "KV_locks"))
		<-ctx.Done()
		if !errors.Is(context.Cause(ctx), ErrLost) {
			t.Errorf("told %v", context.Cause(ctx))
		}
		return errors.New("what fails after the loss does not count")
	})
	if err != nil || len(terms) != 2 || terms[1] <= terms[0] {
		t.Errorf("terms %d, %v", terms, err)
	}
}
