package outbox

import (
	"context"
	"runtime"
	"sync"
	"time"
)

// MaxBatch bounds the items of one transaction. Beyond a few hundred the fsync is a small part
// of an item's cost, and the batch only makes the first item wait.
const MaxBatch = 512

// busy is the batch size from which a loop counts as under load.
const busy = 4

// Worker is what a [Loop] runs. Its methods are called from Run's goroutine, one at a time.
type Worker[T any] interface {
	// Begin: a transaction starts, perhaps again, after what was done in the one before is undone. Forget what uncommitted Apply calls left in
	// memory.
	Begin()
	// Apply does the item's work in tx. If it returns an error or panics, or the transaction is
	// lost, the whole batch is rolled back and every item runs again alone.
	Apply(tx Tx, item T) error
	// Committed: the items are durable, in this order. It is called before the next batch begins
	// and must not wait for another loop. The slice is reused afterwards.
	Committed(items []T)
	// Failed: the item was run alone and nothing of it stands. [ErrNotBegun]: it was not even run.
	Failed(item T, err error)
}

// Gate is what a [Worker] has as well if it needs something around its transactions that must not be
// waited for inside of them: a lock of another system. Both are called from Run's goroutine.
type Gate[T any] interface {
	// Enter is called before the items' transaction begins. It returns those that may go on, in their
	// order; with the others the worker has dealt itself. It may use the slice for what it returns.
	Enter(items []T) []T
	// Leave is called when the items' transactions have ended, and after Committed or Failed.
	Leave()
}

// Sealer is what a [Worker] has as well if it writes something once for a whole transaction.
type Sealer interface {
	// Seal is called in the transaction after the last Apply. An error undoes the transaction as one of Apply does.
	Seal(tx Tx) error
}

// Loop is the group commit. It takes one item, then whatever else waits, at most [MaxBatch].
// Alone, an item has the latency of one commit; under load one fsync serves hundreds, and the loop
// waits up to a millisecond for as much company as the batch before had.
type Loop[T any] struct {
	db    Database
	w     Worker[T]
	queue chan T
	batch []T

	counters batchCounters
	last     int // items of the batch before
	patience *time.Timer

	stopping chan struct{} // closed first: releases those who wait for room
	entry    sync.RWMutex  // held for reading while an item may enter the queue
	stopped  bool          // under entry: no item enters any more
}

// NewLoop makes a loop on db whose queue holds up to queue waiting items. Several loops may share
// a database; their transactions take turns.
func NewLoop[T any](db Database, w Worker[T], queue int) *Loop[T] {
	patience := time.NewTimer(linger)
	patience.Stop()
	return &Loop[T]{
		db: db, w: w, patience: patience,
		queue:    make(chan T, queue),
		batch:    make([]T, 0, MaxBatch),
		stopping: make(chan struct{}),
	}
}

// Submit hands an item over and waits while the queue is full. After a nil error the worker
// hears of the item, by Committed or Failed, unless Run returns an error. [ErrStopped]: Run has
// ended or is about to.
func (l *Loop[T]) Submit(ctx context.Context, item T) error {
	l.entry.RLock()
	defer l.entry.RUnlock()
	if l.stopped {
		return ErrStopped
	}
	select {
	case l.queue <- item:
		return nil
	default:
	}
	select {
	case l.queue <- item:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-l.stopping:
		return ErrStopped
	}
}

// TrySubmit hands an item over if there is room, and says whether it did.
func (l *Loop[T]) TrySubmit(item T) bool {
	l.entry.RLock()
	defer l.entry.RUnlock()
	if l.stopped {
		return false
	}
	select {
	case l.queue <- item:
		return true
	default:
		return false
	}
}

// Waiting is how many items are in the queue.
func (l *Loop[T]) Waiting() int { return len(l.queue) }

// Run works until ctx ends, then works off what is queued and returns nil. An error is
// [ErrUnusable] or [ErrClosed]: items of the last batch may or may not be committed, the worker
// hears nothing of them, and the process must end. What was still queued is Failed with
// [ErrStopped]. A loop runs once.
func (l *Loop[T]) Run(ctx context.Context) error {
	for {
		select {
		case item := <-l.queue:
			if err := l.work(item); err != nil {
				l.stop()
				l.drain(func(item T) { l.w.Failed(item, ErrStopped) })
				return err
			}
		case <-ctx.Done():
			l.stop()
			return l.workOff()
		}
	}
}

// work runs a batch that begins with item.
func (l *Loop[T]) work(item T) error {
	l.gather(item)
	l.last = len(l.batch)
	defer clear(l.batch)
	batch := l.batch
	if g, ok := l.w.(Gate[T]); ok {
		batch = g.Enter(batch)
		defer g.Leave()
	}
	if len(batch) == 0 {
		return nil
	}
	return l.commit(batch)
}

// linger is how long a loop under load waits for company before it commits. A commit costs as much
// CPU as dozens of items, and without the wait a loop that is faster than its neighbours commits
// every few items: three loops on two cores then spend most of their time in commits.
const linger = time.Millisecond

// gather takes item and what else waits. Only where the batch before had company, and this one has
// less, does it wait a moment for more: a lone item never waits.
func (l *Loop[T]) gather(item T) {
	l.batch = append(l.batch[:0], item)
	if l.last > 1 {
		runtime.Gosched() // whoever is about to bring company, while the CPU is what all wait for
	}
	if l.takeWaiting(); len(l.batch) >= l.last || l.last < busy {
		return
	}
	l.patience.Reset(linger)
	defer l.patience.Stop()
	for len(l.batch) < l.last {
		select {
		case item := <-l.queue:
			l.batch = append(l.batch, item)
			l.takeWaiting()
		case <-l.patience.C:
			return
		case <-l.stopping:
			return
		}
	}
}

func (l *Loop[T]) takeWaiting() {
	for len(l.batch) < MaxBatch {
		select {
		case item := <-l.queue:
			l.batch = append(l.batch, item)
		default:
			return
		}
	}
}

// stop lets no further item in. Those who wait for room leave first, else the lock would not come.
func (l *Loop[T]) stop() {
	close(l.stopping)
	l.entry.Lock()
	defer l.entry.Unlock()
	l.stopped = true
}

func (l *Loop[T]) workOff() error {
	var err error
	l.drain(func(item T) {
		if err != nil {
			l.w.Failed(item, ErrStopped)
			return
		}
		err = l.work(item)
	})
	return err
}

func (l *Loop[T]) drain(take func(T)) {
	for {
		select {
		case item := <-l.queue:
			take(item)
		default:
			return
		}
	}
}
