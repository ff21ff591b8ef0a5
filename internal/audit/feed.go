package audit

import (
	"context"

	"golang.org/x/sync/errgroup"
)

// feed brings the rows of one database, sorted by saga, from the goroutine that reads them to the
// one that judges. Rows travel in packs: a channel costs more than a row.
type feed[T any] struct {
	packs chan []T
	pack  []T
}

const (
	packSize = 256
	packsOut = 8
)

// newFeed runs produce in the group. What it gives to yield comes out of the feed in order.
func newFeed[T any](ctx context.Context, g *errgroup.Group, produce func(yield func(T) error) error) *feed[T] {
	f := &feed[T]{packs: make(chan []T, packsOut)}
	g.Go(func() error {
		defer close(f.packs)
		pack := make([]T, 0, packSize)
		send := func() error {
			select {
			case f.packs <- pack:
				pack = make([]T, 0, packSize)
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		err := produce(func(item T) error {
			if pack = append(pack, item); len(pack) == packSize {
				return send()
			}
			return nil
		})
		if err != nil {
			return err
		}
		return send()
	})
	return f
}

// head is the next item, nil when there is none. It is the same one until pop.
func (f *feed[T]) head() *T {
	for len(f.pack) == 0 {
		pack, ok := <-f.packs
		if !ok {
			return nil
		}
		f.pack = pack
	}
	return &f.pack[0]
}

func (f *feed[T]) pop() { f.pack = f.pack[1:] }
