package orchestrator

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/girohq/giro/internal/jet"
	"github.com/girohq/giro/internal/meter"
	"github.com/girohq/giro/races"
	"github.com/girohq/giro/saga"
	"github.com/prometheus/client_golang/prometheus"
)

// serviceName is the orchestrator's name among the micro services, and as a part in metrics.
const serviceName = "giro"

// metrics are what the orchestrator counts of sagas. They are fed by the announcer, beside the loop,
// with what was committed.
type metrics struct {
	started   *prometheus.CounterVec   // type
	ended     *prometheus.CounterVec   // type, state
	suspended *prometheus.CounterVec   // type
	seconds   *prometheus.HistogramVec // type
	steps     *prometheus.HistogramVec // participant, direction
	replies   *prometheus.CounterVec   // outcome
	timeouts  prometheus.Counter
	archived  prometheus.Counter
	inMemory  atomic.Int64  // sagas in the cache
	stale     atomic.Uint64 // replies that were not taken: not from the participant's database as it is now
}

// latencies are the bounds of the histograms, in seconds: from a commit to a day, for sagas wait for people too.
var latencies = []float64{.001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5, 10, 30, 60, 300, 3600, 86400}

func newMetrics() *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	histogram := func(name, help string, labels ...string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: latencies}, labels)
	}
	return &metrics{
		started:   counter("giro_sagas_started_total", "Sagas that this process has accepted, children included.", "type"),
		ended:     counter("giro_sagas_ended_total", "Sagas that have reached a terminal state.", "type", "state"),
		suspended: counter("giro_sagas_suspended_total", "Times that a saga was suspended: a person is needed.", "type"),
		seconds:   histogram("giro_saga_seconds", "From the acceptance of a saga, or from when it may begin, to its end.", "type"),
		steps:     histogram("giro_step_seconds", "From the first command of an operation to its terminal reply, retries included.", "participant", "direction"),
		replies:   counter("giro_replies_total", "Replies that were read, late and repeated ones included.", "outcome"),
		timeouts: prometheus.NewCounter(prometheus.CounterOpts{Name: "giro_timeouts_total",
			Help: "Attempts that met silence, although the broker had stored them and all replies were read."}),
		archived: prometheus.NewCounter(prometheus.CounterOpts{Name: "giro_sagas_archived_total",
			Help: "Finished sagas that this process has archived, because they had been kept whole for long enough."}),
	}
}

// answered is an operation that a committed batch has settled.
type answered struct {
	participant string
	direction   saga.Direction
	took        time.Duration
}

// announced counts what one committed batch tells of.
func (m *metrics) announced(a announcement) {
	for _, w := range a.items {
		switch e := w.event.(type) {
		case saga.Replied:
			m.replies.WithLabelValues(string(e.Reply.Outcome)).Inc()
		case saga.TimedOut:
			m.timeouts.Inc()
		}
	}
	for _, s := range a.batch.answered {
		m.steps.WithLabelValues(s.participant, string(s.direction)).Observe(s.took.Seconds())
	}
	for _, e := range a.batch.events {
		m.moved(e.name, &e.entry.in)
	}
}

// moved counts a lifecycle event.
func (m *metrics) moved(event string, in *saga.Instance) {
	switch event {
	case saga.EventAccepted:
		m.started.WithLabelValues(in.Type).Inc()
		m.suspended.WithLabelValues(in.Type) // at zero: a rate has to begin somewhere
	case saga.EventSuspended:
		m.suspended.WithLabelValues(in.Type).Inc()
	case saga.EventCompleted, saga.EventCompensated, saga.EventAbandoned:
		m.ended.WithLabelValues(in.Type, event).Inc()
		began := in.Created
		if in.Start.After(began) {
			began = in.Start
		}
		m.seconds.WithLabelValues(in.Type).Observe(in.Finished.Sub(began).Seconds())
	}
}

// Collector gives the orchestrator's metrics to a Prometheus registry. Reading them counts the open sagas
// in the database, and asks the broker how far the orchestrator is behind: a second at the longest.
func (o *Orchestrator) Collector() prometheus.Collector {
	return &collector{o: o, Part: meter.Part{
		Name: serviceName, Races: o.races, Commits: o.cfg.DB.Commits, Batches: o.loop.Stats, Relay: o.relay.Stats,
		Dead: o.dead.counts, Readers: func() []*jet.Reader { return []*jet.Reader{o.starts.reader, o.replies.reader} },
	}}
}

// Races counts what the orchestrator has prevented since it was made. Its doors may count there as well.
func (o *Orchestrator) Races() *races.Counts { return o.races }

type collector struct {
	meter.Part
	o *Orchestrator
}

var (
	sagasOpen   = prometheus.NewDesc("giro_sagas_open", "Sagas that have not ended.", []string{"state"}, nil)
	sagasAsleep = prometheus.NewDesc("giro_sagas_asleep", "Of these, those that are not in memory: they wait for the clock, a person or another saga.", nil, nil)
	timersArmed = prometheus.NewDesc("giro_timers", "Sagas that the clock will move.", nil, nil)
	paused      = prometheus.NewDesc("giro_pauses", "What operators have paused.", nil, nil)
	unannounced = prometheus.NewDesc("giro_events_unpublished", "Lifecycle events that the broker has not acknowledged.", nil, nil)
	health      = prometheus.NewDesc("giro_health", "1: the check is ok, 0: it is not.", []string{"check"}, nil)
)

// Collect adds what the orchestrator alone has.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	c.Part.Collect(ch)
	m := c.o.metrics
	for _, own := range []prometheus.Collector{m.started, m.ended, m.suspended, m.seconds, m.steps, m.replies, m.timeouts, m.archived} {
		own.Collect(ch)
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	for name, state := range c.o.Health().Checks {
		up := 0.0
		if state == checkOK {
			up = 1
		}
		gauge(health, up, name)
	}
	gauge(paused, float64(len(c.o.query.Pauses().Items)))
	gauge(unannounced, float64(c.o.announcer.unpublished()))
	n, err := c.o.query.countOpen()
	if err != nil { // the scrape says so; what was collected stands
		ch <- prometheus.NewInvalidMetric(sagasOpen, err)
		return
	}
	open := 0
	for _, state := range []saga.State{saga.Running, saga.Compensating, saga.Suspended} {
		open += n.states[state]
		gauge(sagasOpen, float64(n.states[state]), string(state))
	}
	gauge(sagasAsleep, float64(max(0, open-int(m.inMemory.Load()))))
	gauge(timersArmed, float64(n.timers))
}

// openCounts are the sagas that have not ended.
type openCounts struct {
	states map[saga.State]int
	timers int
}

func (n openCounts) sum() (all int64) {
	for _, some := range n.states {
		all += int64(some)
	}
	return all
}

// countTimeout bounds counting; a million open sagas take a tenth of a second.
const countTimeout = 2 * time.Second

func (q *Query) countOpen() (openCounts, error) {
	ctx, cancel := context.WithTimeout(context.Background(), countTimeout)
	defer cancel()
	n := openCounts{states: make(map[saga.State]int)}
	var rows []struct {
		State saga.State
		N     int
	}
	if err := q.db.SelectContext(ctx, &rows, `SELECT state, count(*) AS n FROM sagas WHERE finished IS NULL GROUP BY state`); err != nil {
		return n, err
	}
	for _, r := range rows {
		n.states[r.State] = r.N
	}
	return n, q.db.GetContext(ctx, &n.timers, `SELECT count(*) FROM sagas WHERE timer IS NOT NULL`)
}
