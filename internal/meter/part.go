package meter

import (
	"context"
	"sync"
	"time"

	"github.com/girohq/giro/internal/jet"
	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/races"
	"github.com/prometheus/client_golang/prometheus"
)

// Part is what the orchestrator and each participant have in common. It collects their metrics, with
// the part's name as a label. Everything but Name may be nil.
type Part struct {
	Name    string // as `nats service ls` shows it: giro, giro-YZ
	Races   *races.Counts
	Commits func() int64 // of the part's database
	Batches func() outbox.BatchStats
	Relay   func() outbox.RelayStats
	Readers func() []*jet.Reader
	Dead    func() map[string]uint64 // dead letters by what they were
}

// lagTimeout bounds how long a scrape waits for a broker that does not answer; then there is no lag.
const lagTimeout = time.Second

// Describe says nothing: parts of one process share the names of their metrics.
func (p *Part) Describe(chan<- *prometheus.Desc) {}

// Collect reads everything.
func (p *Part) Collect(ch chan<- prometheus.Metric) {
	for _, k := range races.Kinds() {
		ch <- count(racesTotal, p.Races.Of(k), p.Name, k.Name())
	}
	if p.Commits != nil {
		ch <- count(commitsTotal, uint64(p.Commits()), p.Name)
	}
	if p.Batches != nil {
		p.collectBatches(ch)
	}
	if p.Relay != nil {
		p.collectRelay(ch)
	}
	if p.Dead != nil {
		for what, n := range p.Dead() {
			ch <- count(deadTotal, n, p.Name, what)
		}
	}
	if p.Readers != nil {
		p.collectReaders(ch)
	}
}

// collectBatches makes a histogram of the classes of sizes.
func (p *Part) collectBatches(ch chan<- prometheus.Metric) {
	s := p.Batches()
	var batches uint64
	classes := make(map[float64]uint64, len(s.Sizes))
	for i, n := range s.Sizes {
		batches += n
		classes[float64(int(1)<<i)] = batches
	}
	ch <- prometheus.MustNewConstHistogram(batchItems, batches, float64(s.Items), classes, p.Name)
	ch <- count(batchesUndone, s.Undone, p.Name)
}

func (p *Part) collectRelay(ch chan<- prometheus.Metric) {
	s := p.Relay()
	ch <- gauge(outboxRows, float64(s.Rows), p.Name)
	ch <- gauge(outboxUnsent, float64(s.Unsent), p.Name)
	ch <- gauge(outboxAge, s.Age.Seconds(), p.Name)
	ch <- count(outboxSends, s.First, p.Name, "first")
	ch <- count(outboxSends, s.Again, p.Name, "again")
	ch <- count(outboxFailures, s.Failed, p.Name)
}

// collectReaders asks the broker for every lag at once.
func (p *Part) collectReaders(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), lagTimeout)
	defer cancel()
	var asked sync.WaitGroup
	defer asked.Wait()
	for _, r := range p.Readers() {
		s, stream := r.Stats(), r.Stream()
		ch <- count(deliveredTotal, s.Delivered, p.Name, stream)
		ch <- count(redeliveredTotal, s.Redelivered, p.Name, stream)
		ch <- count(subscriptionsTotal, s.Epochs, p.Name, stream)
		ch <- count(incarnationsTotal, s.Incarnations, p.Name, stream)
		asked.Go(func() {
			if lag, err := r.Backlog(ctx); err == nil {
				ch <- gauge(consumerLag, float64(lag), p.Name, stream)
			}
		})
	}
}

func count(d *prometheus.Desc, n uint64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
}

func gauge(d *prometheus.Desc, v float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}
