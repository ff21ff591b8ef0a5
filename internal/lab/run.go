package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Cell is one measurement: a technique of an experiment on a database under a load.
type Cell struct {
	Experiment *Experiment
	Technique  *Technique
	On         Database
	Load       Load
}

// Result is what a cell has shown.
type Result struct {
	Experiment string   `json:"experiment"`
	Technique  string   `json:"technique"`
	On         Database `json:"on"`
	Workers    int      `json:"workers"`
	Keys       int      `json:"keys"`

	Ops       int   `json:"ops"`     // operations that were done
	Refused   int   `json:"refused"` // operations that were rightly not done; not in Ops
	Anomalies int   `json:"anomalies"`
	Conflicts int64 `json:"conflicts"`
	Retries   int64 `json:"retries"`
	Waits     int64 `json:"waits"`

	Seconds   float64       `json:"seconds"`
	PerSecond float64       `json:"per_second"` // operations done or refused
	P50       time.Duration `json:"-"`
	P99       time.Duration `json:"-"`

	Claims bool `json:"claims"` // whether the technique promises no anomalies
}

// MarshalJSON writes latencies in microseconds.
func (r Result) MarshalJSON() ([]byte, error) {
	type plain Result
	return json.Marshal(struct {
		plain
		P50 int64 `json:"p50_us"`
		P99 int64 `json:"p99_us"`
	}{plain(r), r.P50.Microseconds(), r.P99.Microseconds()})
}

// Broken says why a result contradicts what the experiment is for; "" if it does not.
func (r Result) Broken() string {
	switch {
	case r.Claims && r.Anomalies > 0:
		return fmt.Sprintf("%d anomalies, and %s claims to have none", r.Anomalies, r.Technique)
	case !r.Claims && r.Anomalies == 0:
		return fmt.Sprintf("no anomaly, so %s shows nothing: run more operations", r.Technique)
	}
	return ""
}

// longest is the longest latency that is told apart.
const longest = 10 * time.Minute

// Run measures a cell. progress, if not nil, is called now and then with the operations so far.
func Run(ctx context.Context, w *World, c Cell, progress func(done int)) (r Result, err error) {
	t, err := c.Technique.Prepare(ctx, w, c.On, c.Load)
	if err != nil {
		return r, fmt.Errorf("%s, %s on %s: prepare: %w", c.Experiment.Name, c.Technique.Name, c.On, err)
	}
	if t.Close != nil {
		defer func() { err = errors.Join(err, t.Close()) }()
	}
	r = Result{Experiment: c.Experiment.Name, Technique: c.Technique.Name, On: c.On, Claims: c.Technique.Claims,
		Workers: c.Load.Workers, Keys: c.Load.Keys}
	crew := &crew{trial: t, load: c.Load, progress: progress}
	if err := crew.work(ctx, &r); err != nil {
		return r, fmt.Errorf("%s, %s on %s: %w", r.Experiment, r.Technique, r.On, err)
	}
	if r.Anomalies, err = t.Anomalies(ctx); err != nil {
		return r, fmt.Errorf("%s, %s on %s: count anomalies: %w", r.Experiment, r.Technique, r.On, err)
	}
	if t.Met != nil {
		r.Conflicts, r.Retries, r.Waits = t.Met.Conflicts.Load(), t.Met.Retries.Load(), t.Met.Waits.Load()
	}
	return r, nil
}

// crew is the workers of a cell.
type crew struct {
	trial    *Trial
	load     Load
	progress func(int)
	begun    time.Time
	next     atomic.Int64
	refused  atomic.Int64

	mu     sync.Mutex
	took   *hdrhistogram.Histogram // under mu
	failed error                   // under mu: the first one
}

func (c *crew) work(ctx context.Context, r *Result) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c.took = newHistogram()
	c.begun = time.Now()
	var all sync.WaitGroup
	for worker := range c.load.Workers {
		all.Go(func() {
			if err := c.one(ctx, worker); err != nil {
				c.fail(err)
				cancel()
			}
		})
	}
	all.Wait()
	elapsed := time.Since(c.begun)
	if c.failed != nil {
		return c.failed
	}
	r.Refused = int(c.refused.Load())
	asked := min(int(c.next.Load()), c.load.Ops)
	r.Ops = asked - r.Refused
	r.Seconds = elapsed.Seconds()
	r.PerSecond = float64(asked) / r.Seconds
	r.P50 = time.Duration(c.took.ValueAtQuantile(50)) * time.Microsecond
	r.P99 = time.Duration(c.took.ValueAtQuantile(99)) * time.Microsecond
	return ctx.Err()
}

// progressEvery is after how many operations progress is told.
const progressEvery = 1000

// one is one worker, until no operation is left.
func (c *crew) one(ctx context.Context, worker int) error {
	took := newHistogram()
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.took.Merge(took)
	}()
	for {
		n, more := c.take(ctx)
		if !more {
			return ctx.Err()
		}
		begun := time.Now()
		switch err := c.trial.Do(ctx, worker, n); {
		case errors.Is(err, ErrRefused):
			c.refused.Add(1)
		case err != nil:
			return fmt.Errorf("operation %d: %w", n, err)
		}
		// The value is in range, so it is recorded.
		_ = took.RecordValue(min(max(time.Since(begun), time.Microsecond), longest).Microseconds())
		if c.progress != nil && n%progressEvery == 0 {
			c.progress(n)
		}
	}
}

// take is the next operation, and false when there is none or no time.
func (c *crew) take(ctx context.Context) (n int, more bool) {
	if ctx.Err() != nil || c.load.For > 0 && time.Since(c.begun) > c.load.For {
		return 0, false
	}
	n = int(c.next.Add(1)) - 1
	return n, n < c.load.Ops
}

func (c *crew) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failed == nil {
		c.failed = err
	}
}

func newHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(1, longest.Microseconds(), 2)
}
