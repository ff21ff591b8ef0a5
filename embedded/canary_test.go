package embedded

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestCanaryOfAHealthyStore(t *testing.T) {
	n := startNATS(t, NATSConfig{Canary: "X_CANARY"})
	if h := n.Health(); h.OK || h.Detail == "" {
		t.Errorf("before the first beat: %+v", h)
	}
	c := newCanary(n, patience)
	_, js := connectJS(t, n)
	ctx := testContext(t)
	for range 3 {
		c.beat(ctx)
	}
	if h := n.Health(); !h.OK {
		t.Errorf("%+v", h)
	}
	stream, err := js.Stream(ctx, "X_CANARY")
	if err != nil {
		t.Fatal(err)
	}
	if s := stream.CachedInfo().State; s.Msgs != 1 || s.LastSeq != 3 {
		t.Errorf("%d messages, last %d", s.Msgs, s.LastSeq)
	}
	// Somebody deletes the stream: that is no failure of the store.
	if err := js.DeleteStream(ctx, "X_CANARY"); err != nil {
		t.Fatal(err)
	}
	c.beat(ctx)
	if c.misses != 0 {
		t.Errorf("%d misses", c.misses)
	}
}

func TestCanaryRestartsAfterThreeMisses(t *testing.T) {
	n := startNATS(t, NATSConfig{})
	restarts := 0
	failing, broken := errors.New("no answer"), errors.New("no space")
	c := &canary{
		n: n, since: time.Now(),
		write:   func(context.Context) error { return failing },
		restart: func() error { restarts++; return broken },
	}
	c.n.health.Store(&Check{OK: true})
	for beat, want := range []struct {
		restarts int
		ok       bool
		detail   string
	}{
		{0, true, ""},
		{0, true, ""},
		{1, false, "cannot be restarted (no space)"},
		{1, false, "restarting it; check free disk space"},
		{1, false, n.store()},
		{2, false, "has not accepted a write for"},
	} {
		c.beat(t.Context())
		if h := n.Health(); restarts != want.restarts || h.OK != want.ok || !strings.Contains(h.Detail, want.detail) {
			t.Errorf("beat %d: %d restarts, %+v", beat+1, restarts, h)
		}
	}
	failing = nil
	c.beat(t.Context())
	if h := n.Health(); !h.OK || c.misses != 0 {
		t.Errorf("%+v after %d misses", h, c.misses)
	}
	cancelled, stop := context.WithCancel(t.Context())
	stop()
	failing = context.Canceled
	c.beat(cancelled)
	if c.misses != 0 {
		t.Error("a write cut short by the end counts as a miss")
	}
}

func TestCanaryStartsAServerThatIsDown(t *testing.T) {
	n := startNATS(t, NATSConfig{})
	c := newCanary(n, patience)
	n.stop()
	ctx := testContext(t)
	for range maxMisses {
		c.beat(ctx)
	}
	c.beatUntilHealthy(t, ctx)
}

// beatUntilHealthy beats as often as it takes on a busy machine.
func (c *canary) beatUntilHealthy(t *testing.T, ctx context.Context) {
	t.Helper()
	for c.beat(ctx); !c.n.Health().OK; c.beat(ctx) {
		if ctx.Err() != nil {
			t.Fatalf("never healthy: %+v", c.n.Health())
		}
	}
}
