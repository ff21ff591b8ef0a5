package coordination

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/girohq/giro/races"
)

// LimitConfig says how much may be taken in which time.
type LimitConfig struct {
	JetStream jetstream.JetStream // required; the server must be 2.12 or newer
	Name      string              // of the limit; "limits" if empty
	Replicas  int                 // of the stream, 1 if 0
	Races     *races.Counts       // what was refused; its own if nil
	Max       int64               // in one window, for each key; at least 1
	Window    time.Duration       // whole seconds, 1 s to 31 days; windows begin at multiples of it since 1970, UTC
	Day       *time.Location      // instead of Window: the calendar day there
}

// Limit allows each key a quantity in a window of time: requests a second, cents a day.
type Limit struct {
	cfg      LimitConfig
	counters *Counters
}

const maxWindow = 31 * 24 * time.Hour

// OpenLimit makes the stream of the limit if there is none. [ErrInvalid]: the configuration cannot
// be used.
func OpenLimit(ctx context.Context, cfg LimitConfig) (*Limit, error) {
	if cfg.Name == "" {
		cfg.Name = "limits"
	}
	cfg.Races = races.Or(cfg.Races)
	byWindow := cfg.Window >= time.Second && cfg.Window <= maxWindow && cfg.Window%time.Second == 0
	switch {
	case cfg.Max < 1:
		return nil, fmt.Errorf("%w: limit %s: at most %d", ErrInvalid, cfg.Name, cfg.Max)
	case cfg.Day == nil && !byWindow, cfg.Day != nil && cfg.Window != 0:
		return nil, fmt.Errorf("%w: limit %s: a day, or a window of whole seconds up to %s", ErrInvalid, cfg.Name, maxWindow)
	}
	// A counter is kept for two windows after the last addition, so that a caller whose clock is
	// late still finds it.
	keep := 2 * max(cfg.Window, time.Hour)
	if cfg.Day != nil {
		keep = 72 * time.Hour
	}
	counters, err := OpenCounters(ctx, CounterConfig{JetStream: cfg.JetStream, Name: cfg.Name, Replicas: cfg.Replicas, Races: cfg.Races, maxAge: keep})
	if err != nil {
		return nil, err
	}
	return &Limit{cfg: cfg, counters: counters}, nil
}

// Take takes n, at least 1, from what key may use in the window of at, and returns what is left.
// [ErrLimit]: so much is not left, nothing was taken. Every other error: nothing is allowed, and n
// may be used up until the window ends.
//
// It adds, looks, and gives back what was too much. So it never allows more than the limit, and at
// the edge it may refuse what would have fitted while a greater amount is being given back.
func (l *Limit) Take(ctx context.Context, key string, n int64, at time.Time) (left int64, err error) {
	counter, ends, err := l.window(key, n, at)
	if err != nil {
		return 0, err
	}
	over := fmt.Errorf("limit %s of %s: %w: at most %d until %s", l.cfg.Name, key, ErrLimit, l.cfg.Max, ends.Format(time.RFC3339))
	if n > l.cfg.Max {
		l.cfg.Races.Add(races.LimitRefused)
		return 0, over
	}
	sum, err := l.counters.Add(ctx, counter, n)
	if err != nil {
		return 0, err
	}
	if sum <= l.cfg.Max {
		return l.cfg.Max - sum, nil
	}
	l.cfg.Races.Add(races.LimitRefused)
	// Also when the caller has gone: what stays would be refused to others.
	if _, err := l.counters.Add(context.WithoutCancel(ctx), counter, -n); err != nil {
		return 0, errors.Join(over, err)
	}
	return 0, over
}

// GiveBack returns n that was taken at the time at, because what it was for did not happen. It
// must be called at most once for a Take.
func (l *Limit) GiveBack(ctx context.Context, key string, n int64, at time.Time) error {
	counter, _, err := l.window(key, n, at)
	if err != nil {
		return err
	}
	_, err = l.counters.Add(ctx, counter, -n)
	return err
}

// window names the counter of key in the window of at, and says when that ends.
func (l *Limit) window(key string, n int64, at time.Time) (counter string, ends time.Time, err error) {
	if n < 1 {
		return "", ends, fmt.Errorf("%w: limit %s: %d of %s", ErrInvalid, l.cfg.Name, n, key)
	}
	if err := checkName(key); err != nil {
		return "", ends, err
	}
	if l.cfg.Day != nil {
		y, m, d := at.In(l.cfg.Day).Date()
		return key + fmt.Sprintf(".%04d-%02d-%02d", y, m, d), time.Date(y, m, d+1, 0, 0, 0, 0, l.cfg.Day), nil
	}
	seconds := int64(l.cfg.Window / time.Second)
	begins := at.Unix() - at.Unix()%seconds
	return key + "." + strconv.FormatInt(begins, 10), time.Unix(begins+seconds, 0).UTC(), nil
}
