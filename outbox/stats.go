package outbox

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// BatchClasses is how many classes of sizes [BatchStats] has: 1, 2, 3-4, 5-8, ... up to [MaxBatch].
const BatchClasses = 10

// BatchStats say how well a [Loop] batches, since it was made. Each batch is one commit, and one fsync.
type BatchStats struct {
	// Sizes counts the committed batches of up to 1, 2, 4, ... 512 items, each in one class.
	Sizes [BatchClasses]uint64
	Items uint64 // committed in all of them
	// Undone counts batches of several items that were rolled back and run again one by one.
	Undone uint64
}

// Add adds those of another loop.
func (s *BatchStats) Add(other BatchStats) {
	for i, n := range other.Sizes {
		s.Sizes[i] += n
	}
	s.Items += other.Items
	s.Undone += other.Undone
}

// batchCounters are the same while they are counted.
type batchCounters struct {
	sizes         [BatchClasses]atomic.Uint64
	items, undone atomic.Uint64
}

func (c *batchCounters) committed(items int) {
	c.sizes[min(bits.Len(uint(items-1)), BatchClasses-1)].Add(1)
	c.items.Add(uint64(items))
}

// Stats may be called at any time.
func (l *Loop[T]) Stats() BatchStats {
	s := BatchStats{Items: l.counters.items.Load(), Undone: l.counters.undone.Load()}
	for i := range s.Sizes {
		s.Sizes[i] = l.counters.sizes[i].Load()
	}
	return s
}

// RelayStats say how a [Relay] stands, and what it has done since it was made.
type RelayStats struct {
	Rows   int           // unanswered
	Unsent int           // of these: without an ack of the broker for their present attempt
	Age    time.Duration // of the oldest row, as far as this process has seen it; 0 if there is none

	First  uint64 // first sends
	Again  uint64 // re-sends: further attempts, and what was not acknowledged or lost
	Failed uint64 // publishes that the broker did not acknowledge
}

// relayCounters are guarded by the relay's lock.
type relayCounters struct{ first, again, failed uint64 }

// Stats looks at every row under the relay's lock: a millisecond for ten thousand. It is for scrapes.
func (r *Relay) Stats() RelayStats {
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	s := RelayStats{Rows: len(r.rows), First: r.counters.first, Again: r.counters.again, Failed: r.counters.failed}
	for _, row := range r.rows {
		if row.phase != acked && row.phase != expired {
			s.Unsent++
		}
		s.Age = max(s.Age, now.Sub(row.since))
	}
	return s
}
