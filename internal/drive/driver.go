package drive

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/girohq/giro/client"
	"github.com/girohq/giro/saga"
	"golang.org/x/sync/errgroup"
)

// Starter starts sagas: a [client.Client], or another door. It answers when the saga has ended, or after
// a while with the saga as it is.
type Starter interface {
	Start(ctx context.Context, sagaType, id string, input any, opts ...client.StartOption) (saga.Document, error)
}

// Job is a saga to start.
type Job struct {
	Type  string
	ID    string
	Input json.RawMessage
	Group string // it is counted for itself as well, if not empty
}

// Driver starts jobs until there are none.
type Driver struct {
	Starter Starter
	Clients int // sagas under way at a time, 1 to MaxClients
	// Rate is how many jobs a second arrive, whether or not those before have ended (an open loop). One
	// that finds Clients sagas under way waits for its turn, and its latency counts from when it should
	// have begun. 0: a client starts its next job when its last has ended (a closed loop), so whatever is
	// slow holds back those that would have found it slow.
	Rate float64
	// For is how long jobs begin; in an open loop, those that should have begun in that time. One that found no
	// place then begins later, or the worst latencies would be those that are not counted. 0: until Next says no.
	For   time.Duration
	Tally *Tally
	// Next gives the next job; false when there is none. It is called by one client at a time.
	Next func() (Job, bool)
}

// MaxClients bounds the sagas under way.
const MaxClients = 8192

const (
	// look bounds one wait for a saga's end. After it the saga is asked for: one that is suspended
	// may never end, and is counted as such.
	look = 10 * time.Second
	// grace is how long sagas that are under way may take when the driver is stopped.
	grace = 2 * time.Second
)

// Run drives until there are no more jobs, or ctx ends. Then no further saga is started, those
// under way have two seconds to end, and Run returns the cause; what has not ended is not counted.
// A start that is refused ends the run with its *client.Problem.
func (d *Driver) Run(ctx context.Context) error {
	if d.Clients < 1 || d.Clients > MaxClients {
		return fmt.Errorf("drive: %d clients are not 1 to %d", d.Clients, MaxClients)
	}
	waiting, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	defer context.AfterFunc(ctx, func() {
		time.AfterFunc(grace, func() { cancel(context.Cause(ctx)) })
	})()
	clients, waiting := errgroup.WithContext(waiting)
	if d.Rate > 0 {
		clients.Go(func() error { d.arrive(ctx, waiting, clients); return nil })
	} else {
		d.turns(ctx, waiting, clients)
	}
	err := clients.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// turns is the closed loop: each client starts its next job when its last has ended.
func (d *Driver) turns(ctx, waiting context.Context, clients *errgroup.Group) {
	var turn sync.Mutex
	began := time.Now()
	for range d.Clients {
		clients.Go(func() error {
			for {
				turn.Lock()
				job, ok := d.next(ctx, time.Since(began))
				turn.Unlock()
				if !ok {
					return nil
				}
				if err := d.one(waiting, job, time.Now()); err != nil {
					return err
				}
			}
		})
	}
}

// arrive is the open loop: jobs come evenly, by the clock.
func (d *Driver) arrive(ctx, waiting context.Context, clients *errgroup.Group) {
	began, room := time.Now(), make(chan struct{}, d.Clients)
	for n := 0; ; n++ {
		due := began.Add(time.Duration(float64(n) * float64(time.Second) / d.Rate))
		if !until(waiting, due) {
			return
		}
		job, ok := d.next(ctx, due.Sub(began))
		if !ok {
			return
		}
		select {
		case room <- struct{}{}:
		case <-waiting.Done():
			return
		}
		clients.Go(func() error {
			defer func() { <-room }()
			return d.one(waiting, job, due)
		})
	}
}

// until waits for a time, and says false when ctx ends before.
func until(ctx context.Context, due time.Time) bool {
	wait := time.Until(due)
	if wait <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// next gives the job that is due after some time, unless the driver is at its end.
func (d *Driver) next(ctx context.Context, after time.Duration) (Job, bool) {
	if ctx.Err() != nil || d.For > 0 && after >= d.For {
		return Job{}, false
	}
	return d.Next()
}

// one drives one saga to its end. The start is repeated as it is: it starts only one saga, and
// each time it answers with the saga as it stands. began is when it should have begun.
func (d *Driver) one(ctx context.Context, job Job, began time.Time) error {
	for {
		doc, err := d.Starter.Start(ctx, job.Type, job.ID, job.Input, client.WithWait(look))
		switch {
		case err != nil:
			return err
		case doc.State.Terminal() || doc.State == saga.Suspended:
			d.Tally.Add(&doc, job.Group, time.Since(began))
			return nil
		}
	}
}
