package torture

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/girohq/giro/internal/audit"
	"github.com/girohq/giro/internal/farm"
	"github.com/girohq/giro/internal/witness"
	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/saga"
)

const (
	// drainWithin bounds the time in which everything that was accepted must come to rest.
	drainWithin = 3 * time.Minute
	drainers    = 16
)

// drain waits until each transfer that was accepted, or may have been, has ended, is suspended or is known
// not to be. Then it ends the processes.
func (r *run) drain(ctx context.Context) error {
	r.phase("drain")
	began := time.Now()
	if _, _, err := r.system.well(ctx); err != nil {
		r.book.wrong(Violation{Invariant: recovery, Detail: "before the drain: " + err.Error()})
	}
	r.book.striking(false)
	limited, cancel := context.WithTimeout(ctx, drainWithin)
	defer cancel()
	work := make(chan *transfer)
	var all sync.WaitGroup
	for i := range drainers {
		c := &customer{name: fmt.Sprintf("drain-%d", i), book: r.book, client: r.system.client}
		all.Go(func() {
			for t := range work {
				c.settle(limited, t)
			}
		})
	}
	for _, t := range r.book.open() {
		work <- t
	}
	close(work)
	all.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	r.report.Drained = time.Since(began).Seconds()
	r.restless()
	if err := r.system.stop(); err != nil {
		r.book.wrong(Violation{Invariant: recovery, Detail: err.Error()})
	}
	return nil
}

// settle asks for t until it needs no more asking.
func (c *customer) settle(ctx context.Context, t *transfer) {
	for {
		answer := c.get(ctx, t)
		if answer == witness.NotFound || t.ended() || t.State == saga.Suspended && answer == witness.State || !rest(ctx, 200*time.Millisecond) {
			return
		}
	}
}

// restless notes what did not come to rest.
func (r *run) restless() {
	for _, t := range r.book.open() {
		switch {
		case t.Accepted && !t.ended() && t.State != saga.Suspended:
			r.book.wrong(Violation{Invariant: "I2", Saga: t.ID, Detail: fmt.Sprintf("it is still %s after a drain of %s", t.State, drainWithin)})
		case t.State == saga.Suspended && t.cause == nil:
			r.book.wrong(Violation{Invariant: "I2", Saga: t.ID, Detail: "it is suspended, and nobody says why"})
		}
	}
}

// audit judges the databases, and what the customers were told.
func (r *run) audit(ctx context.Context) error {
	r.phase("audit")
	files, err := audit.In(r.system.data())
	if err != nil {
		return err
	}
	files.Clients = []string{filepath.Join(r.cfg.Dir, witnessFile)}
	found, err := audit.Run(ctx, files)
	if err != nil {
		return err
	}
	if r.report.Rare, err = r.system.reached(ctx); err != nil {
		return err
	}
	ids, err := sagasIn(ctx, files.Orchestrator)
	if err != nil {
		return err
	}
	r.book.mu.Lock()
	defer r.book.mu.Unlock()
	if r.book.err != nil {
		return r.book.err
	}
	for _, v := range found.Violations {
		r.book.violate(v.Invariant, v.Saga, "%s", v.Detail)
	}
	r.book.unasked(ids)
	r.count(found)
	return nil
}

// sagasIn are the ids of all sagas that an orchestrator has ever begun.
func sagasIn(ctx context.Context, file string) (ids []string, err error) {
	db, err := outbox.OpenReadOnly(file)
	if err != nil {
		return nil, err
	}
	err = db.SelectContext(ctx, &ids, `SELECT id FROM sagas UNION ALL SELECT id FROM archived`)
	return ids, errors.Join(err, db.Close())
}

// count says what was judged by which invariant.
func (r *run) count(found *audit.Report) {
	told := r.book.told
	r.report.Violations = append([]Violation{}, r.book.violations...)
	r.report.Requests, r.report.Deaths, r.report.Timeline = told, append([]farm.Death{}, r.system.deaths()...), r.book.timeline.all()
	r.report.Seconds = time.Since(r.report.Began).Seconds()
	judged := func(name string, n int, what string) {
		c := InvariantCount{Name: name, Judged: n, What: what}
		for _, v := range r.report.Violations {
			if v.Invariant == name {
				c.Violations++
			}
		}
		r.report.Invariants = append(r.report.Invariants, c)
	}
	judged(acceptedIsKept, r.report.Transfers.Accepted, "accepted transfers, asked for again")
	for n := 2; n <= 9; n++ {
		judged(fmt.Sprintf("I%d", n), found.Judged, "finished sagas in the databases")
	}
	judged(wrongAnswer, told.Starts, "starts, repeated or with another input")
	judged(wrongOrder, told.Starts+told.Gets, "answers, against those before")
	judged(oneOwner, r.report.fired("second-instance"), "second processes on one directory")
	judged(restored, r.report.fired("restore-bank"), "databases put back, each of which was noticed")
	judged(recovery, len(r.report.Strikes), "strikes, after which all was well in time")
}
