package coordination

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func (c *servers) limit(cfg LimitConfig) *Limit {
	c.t.Helper()
	cfg.JetStream = c.connect()
	l, err := OpenLimit(bg, cfg)
	must(c.t, err)
	return l
}

func TestDailyLimit(t *testing.T) {
	berlin := time.FixedZone("CET", 3600)
	onEach(t, func(t *testing.T, c *servers, replicas int) {
		l := c.limit(LimitConfig{Replicas: replicas, Max: 1000, Day: berlin})
		late := time.Date(2026, 1, 31, 23, 30, 0, 0, berlin)
		for _, row := range []struct {
			n    int64
			at   time.Time
			left int64
			err  error
		}{
			{600, late, 400, nil},
			{500, late, 0, ErrLimit},
			{400, late, 0, nil}, // the refused 500 was given back
			{1, late, 0, ErrLimit},
			{1000, late.Add(30 * time.Minute), 0, nil}, // midnight there, 23:00 UTC
			{1001, late.Add(48 * time.Hour), 0, ErrLimit},
			{0, late, 0, ErrInvalid},
		} {
			if left, err := l.Take(bg, "account.7", row.n, row.at); left != row.left || !errors.Is(err, row.err) {
				t.Errorf("take %d at %s: %d left, %v; want %d, %v", row.n, row.at, left, err, row.left, row.err)
			}
		}
		must(t, l.GiveBack(bg, "account.7", 600, late))
		if left, err := l.Take(bg, "account.7", 1, late); left != 599 || err != nil {
			t.Errorf("after giving back 600: %d, %v", left, err)
		}
		if left, err := l.Take(bg, "account.8", 1, late); left != 999 || err != nil {
			t.Errorf("another account: %d, %v", left, err)
		}
	})
}

func TestRateLimit(t *testing.T) {
	l := newServers(t, 1).limit(LimitConfig{Max: 2, Window: 10 * time.Second})
	at := time.Unix(1_700_000_009, 0)
	for i, want := range []error{nil, nil, ErrLimit} {
		if _, err := l.Take(bg, "ip", 1, at); !errors.Is(err, want) {
			t.Errorf("take %d: %v, want %v", i, err, want)
		}
	}
	if _, err := l.Take(bg, "ip", 1, at.Add(time.Second)); err != nil {
		t.Errorf("the next window: %v", err)
	}
}

// Whatever is taken and given back at the same time, never more than the maximum is out.
func TestLimitIsNeverExceeded(t *testing.T) {
	onEach(t, func(t *testing.T, c *servers, replicas int) {
		const most = 100
		var out, peak atomic.Int64
		var all sync.WaitGroup
		at := time.Unix(1_700_000_000, 0)
		for worker := range 12 {
			l := c.limit(LimitConfig{Replicas: replicas, Max: most, Window: time.Hour})
			n := int64(7 + 5*worker)
			all.Go(func() {
				for range 25 {
					if _, err := l.Take(bg, "x", n, at); errors.Is(err, ErrLimit) {
						continue
					} else if err != nil {
						t.Error(err)
						return
					}
					if now := out.Add(n); now > peak.Load() {
						peak.Store(now)
					}
					out.Add(-n) // before it is given back: others may take it from then on
					must(t, l.GiveBack(bg, "x", n, at))
				}
			})
		}
		all.Wait()
		if peak.Load() > most || peak.Load() == 0 {
			t.Errorf("%d were out at once, the limit is %d", peak.Load(), most)
		}
	})
}

func TestInvalidLimit(t *testing.T) {
	js := newServers(t, 1).connect()
	for _, cfg := range []LimitConfig{
		{Max: 1, Window: time.Second}, {JetStream: js, Window: time.Second}, {JetStream: js, Max: 1},
		{JetStream: js, Max: 1, Window: time.Millisecond}, {JetStream: js, Max: 1, Window: time.Hour, Day: time.UTC},
		{JetStream: js, Max: 1, Window: time.Hour, Name: "a b"},
	} {
		if _, err := OpenLimit(bg, cfg); !errors.Is(err, ErrInvalid) {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
}
