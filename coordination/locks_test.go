package coordination

import (
	"context"
	"errors"
	"testing"
	"time"
)

func TestLock(t *testing.T) {
	onEach(t, func(t *testing.T, c *servers, replicas int) {
		a, b := c.locks(Config{Replicas: replicas, Owner: "a"}), c.locks(Config{Replicas: replicas, Owner: "b"})
		first, err := a.Acquire(bg, "account.1")
		must(t, err)
		if _, err := b.TryAcquire(bg, "account.1"); !errors.Is(err, ErrHeld) {
			t.Fatalf("b takes what a holds: %v", err)
		}
		if owner, held, err := b.Holder(bg, "account.1"); owner != "a" || !held || err != nil {
			t.Fatalf("holder %q %v, %v", owner, held, err)
		}
		must(t, first.Release(bg))
		must(t, first.Release(bg))
		if first.Context().Err() == nil {
			t.Error("the holder's context goes on after the release")
		}
		second, err := b.TryAcquire(bg, "account.1")
		must(t, err)
		defer second.Release(bg)
		if second.Token().Number <= first.Token().Number {
			t.Errorf("token %d after %d", second.Token().Number, first.Token().Number)
		}
		other, err := a.TryAcquire(bg, "account.2")
		must(t, err)
		must(t, other.Release(bg))
	})
}

// A lock is renewed for as long as it is held, and the waiter gets it soon after the release.
func TestHeldPastItsTTL(t *testing.T) {
	onEach(t, func(t *testing.T, c *servers, replicas int) {
		a, b := c.locks(Config{Replicas: replicas, TTL: time.Second}), c.locks(Config{Replicas: replicas, TTL: time.Second, Wait: 3 * time.Second})
		first, err := a.Acquire(bg, "x")
		must(t, err)
		if _, err := b.Acquire(bg, "x"); !errors.Is(err, ErrHeld) {
			t.Fatalf("after three times the TTL: %v", err)
		}
		must(t, first.Release(bg))
		second, err := b.Acquire(bg, "x")
		must(t, err)
		must(t, second.Release(bg))
	})
}

// A holder that dies frees the lock by its TTL: the server expires it, no process has to.
func TestDeadHolderExpires(t *testing.T) {
	onEach(t, func(t *testing.T, c *servers, replicas int) {
		a, b := c.locks(Config{Replicas: replicas, TTL: time.Second}), c.locks(Config{Replicas: replicas, TTL: time.Second})
		dying, die := context.WithCancel(bg)
		first, err := a.Acquire(dying, "x")
		must(t, err)
		die()
		began := time.Now()
		second, err := b.Acquire(bg, "x")
		must(t, err)
		defer second.Release(bg)
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("it took %s", took)
		}
		if second.Token().Number <= first.Token().Number {
			t.Errorf("token %d after %d", second.Token().Number, first.Token().Number)
		}
		if err := first.Release(bg); !errors.Is(err, ErrLost) {
			t.Errorf("the first releases what it has no more: %v", err)
		}
		if owner, held, err := a.Holder(bg, "x"); !held || err != nil {
			t.Errorf("after the late release nobody holds (%q, %v)", owner, err)
		}
	})
}

// Tokens grow even over the loss of the broker's store, and the holder from before is told.
func TestTokensOutliveTheStore(t *testing.T) {
	onEach(t, func(t *testing.T, c *servers, replicas int) {
		l := c.locks(Config{Replicas: replicas, TTL: 2 * time.Second})
		first, err := l.Acquire(bg, "x")
		must(t, err)
		must(t, l.bucket.js.DeleteStream(bg, "KV_locks"))
		second, err := l.Acquire(bg, "x")
		must(t, err)
		defer second.Release(bg)
		if second.Token().Number <= first.Token().Number {
			t.Errorf("token %d after %d", second.Token().Number, first.Token().Number)
		}
		<-first.Context().Done()
		if cause := context.Cause(first.Context()); !errors.Is(cause, ErrLost) {
			t.Errorf("the holder is told %v", cause)
		}
		_ = first.Release(bg)
	})
}

// Only the server's clock expires a lock. A holder whose clock runs ahead gives up too early and a
// holder whose clock stands still too late; neither frees the lock for others a moment sooner.
func TestClocksMoved(t *testing.T) {
	c := newServers(t, 1)
	for name, moved := range map[string]time.Duration{"an hour ahead": time.Hour, "an hour back": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			l := c.locks(Config{TTL: 2 * time.Second})
			h, err := l.Acquire(bg, "x")
			must(t, err)
			began := time.Now()
			h.stop() // no renewal from here
			<-h.done
			wrong := c.locks(Config{TTL: 2 * time.Second})
			wrong.now = func() time.Time { return time.Now().Add(moved) }
			next, err := wrong.Acquire(bg, "x")
			must(t, err)
			defer next.Release(bg)
			if took := time.Since(began); took < 1500*time.Millisecond {
				t.Errorf("it was free after %s", took)
			}
			if next.left() <= 0 || next.left() > 2*time.Second {
				t.Errorf("%s left by its own clock", next.left())
			}
			_ = h.Release(bg)
		})
	}
}

func TestClockJumpsUnderTheHolder(t *testing.T) {
	c := newServers(t, 1)
	l := c.locks(Config{TTL: time.Second})
	start := time.Now()
	h, err := l.Acquire(bg, "x")
	must(t, err)
	must(t, h.Release(bg))
	l.now = func() time.Time { // jumps ahead once the holder waits for its first renewal
		if time.Since(start) > 300*time.Millisecond {
			return time.Now().Add(time.Hour)
		}
		return start
	}
	start = time.Now()
	h, err = l.Acquire(bg, "x")
	must(t, err)
	<-h.Context().Done()
	if cause := context.Cause(h.Context()); !errors.Is(cause, ErrLost) {
		t.Errorf("told %v", cause)
	}
	_ = h.Release(bg)
}

func TestInvalid(t *testing.T) {
	c := newServers(t, 1)
	js := c.connect()
	for _, cfg := range []Config{
		{}, {JetStream: js, Bucket: "a.b"}, {JetStream: js, TTL: time.Millisecond}, {JetStream: js, TTL: 2 * maxTTL},
		{JetStream: js, TTL: 1500 * time.Millisecond}, {JetStream: js, Wait: -1},
	} {
		if _, err := OpenLocks(bg, cfg); !errors.Is(err, ErrInvalid) {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
	l := c.locks(Config{})
	for _, name := range []string{"", ".", "a..b", "*", "a.>", "a b", string(make([]byte, 300))} {
		if _, err := l.Acquire(bg, name); !errors.Is(err, ErrInvalid) {
			t.Errorf("%q: %v", name, err)
		}
	}
}
