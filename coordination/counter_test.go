package coordination

import (
	"context"
	"errors"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func TestCounter(t *testing.T) {
	onEach(t, func(t *testing.T, c *servers, replicas int) {
		n := c.counters(CounterConfig{Replicas: replicas})
		for _, step := range []struct{ delta, sum int64 }{{5, 5}, {-7, -2}, {0, -2}, {100, 98}} {
			if sum, err := n.Add(bg, "a.b", step.delta); sum != step.sum || err != nil {
				t.Errorf("add %d: %d, %v; want %d", step.delta, sum, err, step.sum)
			}
		}
		if sum, err := n.Get(bg, "a.b"); sum != 98 || err != nil {
			t.Errorf("%d, %v", sum, err)
		}
		if sum, err := n.Get(bg, "never"); sum != 0 || err != nil {
			t.Errorf("%d, %v", sum, err)
		}
		if _, err := n.Add(bg, "a.*", 1); !errors.Is(err, ErrInvalid) {
			t.Error(err)
		}
	})
}

// No addition is lost to another, and every sum is given once.
func TestCounterUnderContention(t *testing.T) {
	onEach(t, func(t *testing.T, c *servers, replicas int) {
		const workers, each = 16, 50
		seen := make([]bool, workers*each+1)
		var mu sync.Mutex
		var all sync.WaitGroup
		for range workers {
			n := c.counters(CounterConfig{Replicas: replicas})
			all.Go(func() {
				for range each {
					sum, err := n.Add(bg, "hot", 1)
					mu.Lock()
					if err != nil || seen[sum] {
						t.Errorf("sum %d: %v", sum, err)
					}
					seen[sum] = true
					mu.Unlock()
				}
			})
		}
		all.Wait()
	})
}

// A repeat under the same message id is not added, and answers what the first one would have.
func TestLostAnswerIsAskedForAgain(t *testing.T) {
	onEach(t, func(t *testing.T, c *servers, replicas int) {
		n := c.counters(CounterConfig{Replicas: replicas})
		msg := nats.NewMsg(n.subject("x"))
		msg.Header.Set("Nats-Incr", "3")
		msg.Header.Set(jetstream.MsgIDHeader, "one")
		_, err := n.add(bg, msg)
		must(t, err)
		_, err = n.Add(bg, "x", 1)
		must(t, err)
		if sum, err := n.add(bg, msg); sum != 3 || err != nil {
			t.Errorf("%d, %v: want the 3 of the first answer", sum, err)
		}
		for range recent {
			_, err := n.Add(bg, "x", 1)
			must(t, err)
		}
		if _, err := n.add(bg, msg); !errors.Is(err, ErrUnsure) {
			t.Errorf("the answer is gone: %v", err)
		}
		if sum, err := n.Get(bg, "x"); sum != 4+recent || err != nil {
			t.Errorf("%d, %v", sum, err)
		}
	})
}

func TestCounterOutOfRange(t *testing.T) {
	n := newServers(t, 1).counters(CounterConfig{})
	_, err := n.Add(bg, "x", math.MaxInt64)
	must(t, err)
	if _, err := n.Add(bg, "x", 1); !errors.Is(err, ErrRange) {
		t.Error(err)
	}
	if _, err := n.Get(bg, "x"); !errors.Is(err, ErrRange) {
		t.Error(err)
	}
}

// Without the broker a call ends in time and says that it does not know.
func TestCounterWithoutBroker(t *testing.T) {
	c := newServers(t, 1)
	n := c.counters(CounterConfig{})
	c.Close()
	ctx, cancel := context.WithTimeout(bg, 300*time.Millisecond)
	defer cancel()
	if _, err := n.Add(ctx, "x", 1); !errors.Is(err, ErrUnsure) {
		t.Error(err)
	}
}
