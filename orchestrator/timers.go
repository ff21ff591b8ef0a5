package orchestrator

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/girohq/giro/saga"
	"github.com/jmoiron/sqlx"
	"github.com/rs/zerolog"
)

// timers wakes the sagas whose time has come. Timers live in the database alone, so that a saga that
// waits for days costs no memory; only the time of the next one is remembered.
type timers struct {
	db      *sqlx.DB
	gate    func(context.Context) error
	stopped func() error // nothing may fire now: why
	submit  func(context.Context, *work) error
	now     func() time.Time
	log     zerolog.Logger
	jumped  <-chan struct{} // the clock was set
	ticks   *ticks          // of schedules: the same clock

	armed chan struct{} // has room for one: soon has changed
	mu    sync.Mutex
	soon  time.Time // the earliest timer that was committed since Run last asked; zero: none
}

const (
	timersAtOnce   = 512
	lookAtTimers   = time.Minute // at the latest: a clock may have been set
	retryDeadlines = time.Second
)

// arm tells of timers that were just committed. However many they are, the earliest is heard.
func (t *timers) arm(times []time.Time) {
	if len(times) == 0 {
		return
	}
	t.mu.Lock()
	for _, at := range times {
		t.soon = earlier(t.soon, at)
	}
	t.mu.Unlock()
	select {
	case t.armed <- struct{}{}:
	default: // it is told already
	}
}

// earlier is the earlier of two times; zero is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

func (t *timers) takeSoon() time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	at := t.soon
	t.soon = time.Time{}
	return at
}

// Run fires due timers until the context ends.
func (t *timers) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	next := t.now()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.armed:
			if at := t.takeSoon(); !at.IsZero() && at.Before(next) {
				next = at
				timer.Reset(at.Sub(t.now()))
			}
			continue
		case <-t.jumped:
		case <-timer.C:
		}
		wait, err := t.look(ctx)
		if err != nil && ctx.Err() == nil {
			t.log.Warn().Err(err).Msg("timers; trying again")
			wait = retryDeadlines
		}
		next = t.now().Add(wait)
		timer.Reset(wait)
	}
}

// look does what is due, for sagas and for schedules. Trouble with the one does not keep back the other.
func (t *timers) look(ctx context.Context) (time.Duration, error) {
	if t.stopped() != nil {
		return lookAtTimers, nil // whoever ends that wakes them
	}
	forSagas, err := t.fire(ctx)
	forSchedules, errOfTicks := t.ticks.fire(ctx)
	return min(forSagas, forSchedules), errors.Join(err, errOfTicks)
}

// fire hands every due timer to the loop and returns how long to wait for the next.
func (t *timers) fire(ctx context.Context) (time.Duration, error) {
	var due []struct {
		ID    string
		Timer int64
	}
	if err := t.db.SelectContext(ctx, &due, `SELECT id, timer FROM sagas WHERE timer IS NOT NULL ORDER BY timer LIMIT ?`, timersAtOnce); err != nil {
		return 0, fmt.Errorf("timers: %w", err)
	}
	now := t.now()
	if len(due) == 0 || fromMicros(due[0].Timer).After(now) {
		if len(due) == 0 {
			return lookAtTimers, nil
		}
		return min(lookAtTimers, fromMicros(due[0].Timer).Sub(now)), nil
	}
	if err := t.gate(ctx); err != nil {
		return 0, err
	}
	fired := make(chan struct{}, len(due))
	n := 0
	for _, row := range due {
		if fromMicros(row.Timer).After(now) {
			break
		}
		w := &work{id: row.ID, event: saga.Woke{At: now.UTC().Truncate(time.Microsecond)}, done: func(outcome) { fired <- struct{}{} }}
		if err := t.submit(ctx, w); err != nil {
			return 0, err
		}
		n++
	}
	for range n {
		select {
		case <-fired:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	return 0, nil
}
