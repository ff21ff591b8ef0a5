package floor

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/girohq/giro/outbox"
)

// gatherer hands items to a loop a batch at a time. Loops that do next to nothing would else commit as soon as a few items
// are there, and spend most of the machine on commits: less would be done than with fewer of them.
type gatherer[T any] struct {
	loop *outbox.Loop[T]
	in   chan T
	size *atomic.Int64 // of a batch
}

// longest is how long a batch may wait to be full.
const longest = 20 * time.Millisecond

func newGatherer[T any](loop *outbox.Loop[T], size *atomic.Int64) *gatherer[T] {
	return &gatherer[T]{loop: loop, in: make(chan T, room), size: size}
}

// submit waits while the queue is full. It returns when ctx ends.
func (g *gatherer[T]) submit(ctx context.Context, item T) {
	select {
	case g.in <- item:
	case <-ctx.Done():
	}
}

// run hands over until ctx ends.
func (g *gatherer[T]) run(ctx context.Context) error {
	batch := make([]T, 0, room)
	patience := time.NewTimer(longest)
	defer patience.Stop()
	for {
		select {
		case item := <-g.in:
			batch = append(batch[:0], item)
		case <-ctx.Done():
			return nil
		}
		patience.Reset(longest)
		for full := false; !full && len(batch) < int(g.size.Load()); {
			select {
			case item := <-g.in:
				batch = append(batch, item)
			case <-patience.C:
				full = true
			case <-ctx.Done():
				return nil
			}
		}
		for _, item := range batch {
			if err := g.loop.Submit(ctx, item); err != nil {
				return nil // the context has ended
			}
		}
	}
}
