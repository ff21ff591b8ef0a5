package outbox

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestRelayStats: rows, what of them the broker has, and how old they are.
func TestRelayStats(t *testing.T) {
	inBubble(t, func(b *rig) {
		b.commit(messages(3))
		b.pass(time.Second / 2)
		if got := b.Stats(); got.Rows != 3 || got.Unsent != 0 || got.First != 3 || got.Again != 0 || got.Failed != 0 || got.Age != time.Second/2 {
			t.Errorf("%+v", got)
		}
		b.broker.say(away)
		b.Reset()
		b.pass(time.Second / 2)
		if got := b.Stats(); got.Rows != 3 || got.Unsent != 3 || got.First != 3 || got.Again != 3 || got.Failed != 3 || got.Age != time.Second {
			t.Errorf("%+v", got)
		}
	})
}

// TestBatchClasses: each size stands in the class whose bound it does not exceed.
func TestBatchClasses(t *testing.T) {
	l := &Loop[int]{}
	for _, n := range []int{1, 2, 3, 4, 5, 8, 9, 256, 257, MaxBatch} {
		l.counters.committed(n)
	}
	if diff := cmp.Diff([BatchClasses]uint64{1, 1, 2, 2, 1, 0, 0, 0, 1, 2}, l.Stats().Sizes); diff != "" {
		t.Error(diff)
	}
}

// TestRelayEndsBeforeItHasBegun in order: a service may be interrupted while it starts.
func TestRelayEndsBeforeItHasBegun(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := NewRelay(RelayConfig{DB: openItems(t)}).Run(ended); err != nil {
		t.Error(err)
	}
}
