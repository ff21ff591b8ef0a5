package participants

import (
	"github.com/girohq/giro/internal/jet"
	"github.com/girohq/giro/internal/meter"
	"github.com/girohq/giro/saga"
	"github.com/prometheus/client_golang/prometheus"
)

// Collector gives the participant's metrics to a Prometheus registry. Reading them asks the broker how
// far the participant is behind, and waits a second for that at the longest.
func (p *Participant) Collector() prometheus.Collector {
	return &collector{participant: p, Part: meter.Part{
		Name: p.service(), Races: p.races, Commits: p.db.Commits, Batches: p.spread.stats,
		Dead: func() map[string]uint64 { return map[string]uint64{"command": p.counts.dead.Load()} },
		Readers: func() []*jet.Reader {
			if r := p.reader.Load(); r != nil {
				return []*jet.Reader{r}
			}
			return nil
		},
	}}
}

type collector struct {
	meter.Part
	participant *Participant
}

var answersTotal = prometheus.NewDesc("giro_answers_total", "Commands that a participant has answered, repeats included.",
	[]string{"part", "outcome"}, nil)

// Collect adds the outcomes to what every part has.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	c.Part.Collect(ch)
	n := c.participant.Counts()
	for outcome, count := range map[saga.Outcome]uint64{
		saga.Succeeded: n.Succeeded, saga.Rejected: n.Rejected, saga.Retried: n.Retried, saga.Fenced: n.Fenced, saga.Conflict: n.Conflicts,
	} {
		ch <- prometheus.MustNewConstMetric(answersTotal, prometheus.CounterValue, float64(count), c.Name, string(outcome))
	}
}
