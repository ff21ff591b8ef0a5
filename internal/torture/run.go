package torture

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/girohq/giro/internal/witness"
)

// Progress is how far a run is.
type Progress struct {
	Phase    string // "start", "faults", "drain", "audit"
	Fault    string // that strikes now
	Struck   int
	Strikes  int
	Asked    int
	Accepted int
	Ended    int
}

// run is one run of [Run].
type run struct {
	cfg    Config
	book   *book
	system *system
	order  *order
	plan   []strike
	report *Report

	mu   sync.Mutex
	shot Progress
}

// Run tortures until the schedule is through, and judges. It shows progress now and then, from one
// goroutine at a time; progress may be nil. No process is left when it returns. The report is nil if there
// was none to make: ctx ended, or the installation could not be brought up at all.
func Run(ctx context.Context, cfg Config, progress func(Progress)) (*Report, error) {
	chosen, err := choose(cfg.Faults)
	if err != nil {
		return nil, err
	}
	if cfg, err = cfg.checked(); err != nil {
		return nil, err
	}
	log, err := witness.Create(filepath.Join(cfg.Dir, witnessFile))
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }() // each of its lines was synced
	r := &run{cfg: cfg, book: newBook(log), report: &Report{Machine: Machine(), Began: time.Now(), Seed: cfg.Seed,
		Clients: cfg.Clients, Banks: cfg.Banks, Dir: cfg.Dir}}
	can, cannot := possible(chosen)
	r.plan = schedule(cfg.Seed, can, rounds(cfg, can))
	if r.system, err = newSystem(cfg, r.book, slices.ContainsFunc(can, func(f Fault) bool { return f.linked })); err != nil {
		return nil, err
	}
	defer r.system.kill()
	if slices.ContainsFunc(can, func(f Fault) bool { return f.preloaded }) {
		if err := r.system.preload(); err != nil {
			return nil, err
		}
	}
	defer r.show(progress)()
	if err := r.torment(ctx); err != nil {
		return nil, err
	}
	r.report.Transfers, r.report.Struck = r.book.outcomes()
	r.results(chosen, cannot)
	if err := r.audit(ctx); err != nil {
		return nil, err
	}
	r.report.judge()
	return r.report, nil
}

// witnessFile is the log of what customers were told.
const witnessFile = "witness.jsonl"

// torment brings the system up, lets customers and faults at it, and waits until it has come to rest.
func (r *run) torment(ctx context.Context) error {
	r.phase("start")
	if err := errors.Join(r.system.start(), r.system.connect()); err != nil {
		return err
	}
	if _, _, err := r.system.well(ctx); err != nil {
		return fmt.Errorf("bring the installation up: %w", err)
	}
	r.phase("faults")
	r.order = newOrder(r.cfg, len(r.plan))
	var coming sync.WaitGroup
	for i := range r.cfg.Clients {
		c := &customer{name: fmt.Sprintf("customer-%d", i), book: r.book, client: r.system.client,
			rng: rand.New(rand.NewPCG(r.cfg.Seed, uint64(i)))}
		coming.Go(func() { c.run(ctx, r.order.next) })
	}
	r.strikeAll(ctx)
	if r.cfg.Transfers == 0 {
		r.order.until(ctx, 1)
		r.order.end()
	}
	coming.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return r.drain(ctx)
}

// strikeAll strikes by the schedule. After a fault that the system does not recover from there is no point
// in another, nor in more transfers, each of which would wait in vain.
func (r *run) strikeAll(ctx context.Context) {
	defer r.order.allow(len(r.plan), len(r.plan))
	for i, s := range r.plan {
		if !r.order.until(ctx, s.At) {
			return
		}
		r.note(func(p *Progress) { p.Fault, p.Struck = s.Fault.Name, i })
		well := r.strike(ctx, s)
		r.note(func(p *Progress) { p.Fault, p.Struck = "", i+1 })
		r.order.allow(i+1, len(r.plan))
		if !well {
			r.order.end()
			return
		}
	}
}

// strike makes one fault happen. It says false when all is not well afterwards.
func (r *run) strike(ctx context.Context, s strike) bool {
	r.book.striking(true)
	began := time.Now()
	result := StrikeResult{Fault: s.Fault.Name, At: r.book.timeline.at(began)}
	detail, err := s.Fault.Strike(ctx, r.system, rand.New(rand.NewPCG(s.Seed, 1)))
	result.Took, result.Detail, result.Fired = time.Since(began).Seconds(), detail, err == nil
	var violation *Violation
	switch {
	case errors.As(err, &violation):
		result.Fired = true
		r.book.wrong(*violation)
	case err != nil:
		result.Detail = err.Error()
	}
	well := true
	if !s.Haste {
		healthy, all, err := r.system.well(ctx)
		if err != nil && ctx.Err() == nil {
			well = false
			r.book.wrong(Violation{Invariant: recovery, Detail: fmt.Sprintf("after %s (%s): %v", s.Fault.Name, detail, err)})
		}
		result.Healthy, result.Recovered = healthy.Seconds(), all.Seconds()
		r.book.striking(false)
	}
	r.report.Strikes = append(r.report.Strikes, result)
	return well && ctx.Err() == nil
}

// results sums up the strikes by fault.
func (r *run) results(chosen []Fault, cannot map[string]string) {
	for _, f := range chosen {
		result := FaultResult{Name: f.Name, Void: cannot[f.Name]}
		var recovered []float64
		for _, s := range r.report.Strikes {
			if s.Fault != f.Name {
				continue
			}
			result.Struck++
			if s.Fired {
				result.Fired++
			} else {
				result.Void = s.Detail
			}
			if s.Recovered > 0 {
				recovered = append(recovered, s.Recovered)
			}
		}
		if slices.Sort(recovered); len(recovered) > 0 {
			result.Median, result.Longest = recovered[len(recovered)/2], recovered[len(recovered)-1]
		}
		switch {
		case result.Fired > 0:
			result.Void = ""
		case result.Void == "":
			result.Void = "the run ended before"
		}
		r.report.Faults = append(r.report.Faults, result)
	}
}

// show calls progress until what it returns is called.
func (r *run) show(progress func(Progress)) (stop func()) {
	if progress == nil {
		return func() {}
	}
	quit := make(chan struct{})
	var shown sync.WaitGroup
	shown.Go(func() {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-quit:
				return
			case <-tick.C:
				progress(r.now())
			}
		}
	})
	return func() { close(quit); shown.Wait() }
}

func (r *run) note(change func(*Progress)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&r.shot)
}

func (r *run) phase(name string) {
	r.note(func(p *Progress) { p.Phase, p.Strikes = name, len(r.plan) })
}

func (r *run) now() Progress {
	r.mu.Lock()
	p := r.shot
	r.mu.Unlock()
	for _, s := range r.book.timeline.all() {
		p.Asked += s.Asked
		p.Accepted += s.Accepted
		p.Ended += s.Ended
	}
	return p
}
