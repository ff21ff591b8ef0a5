package coordination

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// deaf publishes and does not hear some of the answers, which is where a lost connection hurts most.
type deaf struct {
	jetstream.JetStream
	loses func() bool
}

var errUnheard = errors.New("the answer was lost")

func (d deaf) PublishMsg(ctx context.Context, msg *nats.Msg, opts ...jetstream.PublishOpt) (*jetstream.PubAck, error) {
	ack, err := d.JetStream.PublishMsg(ctx, msg, opts...)
	if d.loses() {
		return nil, errUnheard
	}
	return ack, err
}

// once loses the answers for which lose is set, and unsets it.
func once(lose *bool) func() bool {
	return func() bool {
		was := *lose
		*lose = false
		return was
	}
}

// A lost answer costs a repeat and nothing else, wherever it is lost.
func TestLostAnswers(t *testing.T) {
	onEach(t, func(t *testing.T, c *servers, replicas int) {
		l := c.locks(Config{Replicas: replicas, TTL: time.Second, Wait: 5 * time.Second})
		var lose bool
		l.bucket.js = deaf{l.bucket.js, once(&lose)}

		lose = true
		h, err := l.TryAcquire(bg, "x")
		must(t, err)
		lose = true
		must(t, h.Release(bg))
		if _, held, err := l.Holder(bg, "x"); held || err != nil {
			t.Fatalf("released and held: %v", err)
		}
		lose = true
		h, err = l.Acquire(bg, "x")
		must(t, err)
		// The next two renewals go unheard; whoever hears nothing looks.
		unheard := 2
		h.stop()
		<-h.done
		l.bucket.js = deaf{l.bucket.js, func() bool { unheard--; return unheard >= 0 }}
		for range 4 {
			_ = h.renew(bg, time.Second)
		}
		if unheard >= 0 {
			t.Fatalf("%d answers were not lost", unheard+1)
		}
		must(t, h.renew(bg, time.Second))
		must(t, h.Release(bg))
	})
}

// Release begins only when the renewal under way has ended: a renewal after it would take the lock again.
func TestReleaseWaitsForTheRenewal(t *testing.T) {
	c := newServers(t, 1)
	l := c.locks(Config{TTL: time.Second})
	h, err := l.Acquire(bg, "x")
	must(t, err)
	h.stop()
	<-h.done
	renewing, goOn, released := make(chan struct{}), make(chan struct{}), make(chan error)
	var publishes atomic.Int32
	l.bucket.js = deaf{l.bucket.js, func() bool {
		if publishes.Add(1) == 1 {
			close(renewing)
			<-goOn
		}
		return false
	}}
	second := l.hold(bg, h.in, h.token, time.Now())
	<-renewing
	go func() { released <- second.Release(bg) }()
	_ = pauseExactly(bg, 200*time.Millisecond) // time enough for a release that does not wait
	if n := publishes.Load(); n != 1 {
		t.Errorf("%d publishes while the first is under way", n)
	}
	close(goOn)
	must(t, <-released)
	if _, held, err := l.Holder(bg, "x"); held || err != nil {
		t.Errorf("held after the release: %v", err)
	}
}

// Without the broker a holder is told in time, and every call ends.
func TestBrokerGone(t *testing.T) {
	c := newServers(t, 1)
	l := c.locks(Config{TTL: time.Second, Wait: time.Second})
	l.patience = time.Second
	h, err := l.Acquire(bg, "x")
	must(t, err)
	c.eventually("it was renewed", func() bool {
		r, err := l.bucket.read(bg, "x")
		return err == nil && h.in.token(r.seq) > h.Token().Number
	})
	c.Close()
	began := time.Now()
	<-h.Context().Done()
	if cause := context.Cause(h.Context()); !errors.Is(cause, ErrLost) || time.Since(began) > 5*time.Second {
		t.Errorf("told %v after %s", cause, time.Since(began))
	}
	if err := h.Release(bg); !errors.Is(err, ErrLost) {
		t.Error(err)
	}
	for _, take := range []func(context.Context, string) (*Held, error){l.TryAcquire, l.Acquire} {
		if _, err := take(bg, "x"); err == nil || errors.Is(err, ErrHeld) {
			t.Errorf("taken without a broker: %v", err)
		}
	}
}

func TestDo(t *testing.T) {
	c := newServers(t, 1)
	l := c.locks(Config{TTL: time.Second})
	broken := errors.New("broken")
	if err := l.Do(bg, "x", func(context.Context, Token) error { return broken }); !errors.Is(err, broken) {
		t.Error(err)
	}
	err := l.Do(bg, "x", func(ctx context.Context, _ Token) error {
		must(t, l.bucket.js.DeleteStream(ctx, "KV_locks"))
		<-ctx.Done()
		return nil
	})
	if !errors.Is(err, ErrLost) {
		t.Errorf("it was not alone all the time, and is told %v", err)
	}
	must(t, l.Do(bg, "x", func(context.Context, Token) error { return nil }))
	if _, held, err := l.Holder(bg, "x"); held || err != nil {
		t.Errorf("held after all was done: %v", err)
	}
}
