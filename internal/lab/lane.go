package lab

import (
	"context"
	"sync"
)

// lanes have one writer each, who does what comes in the order in which it came. They stand for a
// subject per account with one consumer: no two changes of an account are ever under way at once.
type lanes struct {
	work    []chan func()
	writers sync.WaitGroup
}

func newLanes(n int) *lanes {
	l := &lanes{work: make([]chan func(), n)}
	for i := range l.work {
		l.work[i] = make(chan func())
		l.writers.Go(func() {
			for work := range l.work[i] {
				work()
			}
		})
	}
	return l
}

// do lets the writer of a key do f, and waits for it.
func (l *lanes) do(ctx context.Context, key int, f func() error) error {
	answer := make(chan error, 1)
	select {
	case l.work[key%len(l.work)] <- func() { answer <- f() }:
		return <-answer
	case <-ctx.Done():
		return ctx.Err()
	}
}

// close ends the writers. Nobody may call do any more.
func (l *lanes) close() {
	for _, work := range l.work {
		close(work)
	}
	l.writers.Wait()
}
