package lab

import (
	"context"
	"errors"

	"github.com/girohq/giro/outbox"
	"golang.org/x/sync/errgroup"
)

// group lets many who write at the same time share commits, as the commands of a running participant
// do: each would else pay for a sync of its own. It has a loop for each writer, and what is written for
// one key goes through one of them.
type group struct {
	outbox.Database
	loops []*outbox.Loop[*groupWrite]
	stop  context.CancelFunc
	ended chan struct{}
	err   error // of the loops, when they have ended
}

type groupWrite struct {
	fn     func(outbox.Tx) error
	result chan error
}

func newGroup(db outbox.Database) *group {
	ctx, stop := context.WithCancel(context.Background())
	g := &group{Database: db, stop: stop, ended: make(chan struct{})}
	var running errgroup.Group
	for range db.Writers() {
		loop := outbox.NewLoop(db, groupWorker{}, outbox.MaxBatch)
		g.loops = append(g.loops, loop)
		running.Go(func() error { return loop.Run(ctx) })
	}
	go func() {
		defer close(g.ended)
		g.err = running.Wait()
	}()
	return g
}

type groupKey struct{}

// withKey says for which key is written.
func withKey(ctx context.Context, key int) context.Context {
	return context.WithValue(ctx, groupKey{}, key)
}

// Write implements [outbox.Database].
func (g *group) Write(ctx context.Context, fn func(outbox.Tx) error) error {
	w := &groupWrite{fn: fn, result: make(chan error, 1)}
	key, _ := ctx.Value(groupKey{}).(int)
	if err := g.loops[key%len(g.loops)].Submit(ctx, w); err != nil {
		return err
	}
	select {
	case err := <-w.result:
		return err
	case <-g.ended:
		return errors.Join(outbox.ErrStopped, g.err)
	}
}

// Close implements [outbox.Database].
func (g *group) Close() error {
	g.stop()
	<-g.ended
	return errors.Join(g.err, g.Database.Close())
}

// groupWorker does what it is given, and tells who has given it.
type groupWorker struct{}

func (groupWorker) Begin() {}

func (groupWorker) Apply(tx outbox.Tx, w *groupWrite) error { return w.fn(tx) }

func (groupWorker) Committed(all []*groupWrite) {
	for _, w := range all {
		w.result <- nil
	}
}

func (groupWorker) Failed(w *groupWrite, err error) { w.result <- err }
