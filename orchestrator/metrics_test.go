package orchestrator_test

import (
	"testing"

	"github.com/girohq/giro/races"
	"github.com/girohq/giro/saga"
	"github.com/prometheus/client_golang/prometheus"
)

// value is what a scrape says of one metric: the sum over what has the labels. A histogram's is its count.
func (r *rig) value(name string, labels ...string) float64 {
	r.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(r.o.Collector())
	families, err := registry.Gather()
	r.must(err)
	sum := 0.0
	for _, family := range families {
		for _, m := range family.GetMetric() {
			has := make(map[string]bool)
			for _, l := range m.GetLabel() {
				has[l.GetName()+"="+l.GetValue()] = true
			}
			fits := family.GetName() == name
			for _, l := range labels {
				fits = fits && has[l]
			}
			if fits {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
			}
		}
	}
	return sum
}

func (r *rig) counts(want float64, name string, labels ...string) {
	r.Helper()
	var got float64
	r.eventually("counted: "+name, func() bool { // the announcer counts beside the loop
		got = r.value(name, labels...)
		return got >= want
	})
	if got != want {
		r.Errorf("%s %v: %v, want %v", name, labels, got, want)
	}
}

// TestMetrics follows three sagas and what was in their way: every number is that of what happened.
func TestMetrics(t *testing.T) {
	r := newRig(t).running()
	r.begin("transfer", "T-1", transferInput(1))
	r.begin("transfer", "T-1", transferInput(1))
	if _, problem := r.request("start.transfer", transferInput(2), "Saga-Id", "T-1"); problem == nil {
		t.Error("another input was taken")
	}
	debit := r.hears("T-1/debit/forward", 1)
	r.counts(1, "giro_sagas_open", "state=running")
	r.counts(1, "giro_outbox_rows")
	r.counts(0, "giro_timers")
	r.counts(0, "giro_sagas_asleep")
	r.says(debit, saga.Retried, "Saga-Retry-After", "1ms")
	again := r.hears("T-1/debit/forward", 2)
	r.says(debit, saga.Retried) // of the attempt before: overtaken
	r.says(again, saga.Succeeded)
	credit := r.hears("T-1/credit/forward", 1)
	r.says(credit, saga.Succeeded)
	r.reaches("T-1", saga.Completed)
	r.says(credit, saga.Succeeded)
	r.says(credit, saga.Rejected)
	r.begin("transfer", "T-2", transferInput(1))
	r.says(r.hears("T-2/debit/forward", 1), saga.Rejected) // read behind them
	r.reaches("T-2", saga.Compensated)

	r.counts(2, "giro_sagas_started_total", "type=transfer")
	r.counts(1, "giro_sagas_ended_total", "type=transfer", "state=completed")
	r.counts(1, "giro_sagas_ended_total", "type=transfer", "state=compensated")
	r.counts(2, "giro_saga_seconds", "type=transfer")
	r.counts(2, "giro_step_seconds", "participant=A", "direction=forward")
	r.counts(1, "giro_step_seconds", "participant=B", "direction=forward")
	r.counts(2, "giro_replies_total", "outcome=retry")
	r.counts(2, "giro_replies_total", "outcome=rejected")
	r.counts(7, "giro_delivered_total", "stream=SAGA_REPLIES")
	r.counts(3, "giro_outbox_sends_total", "send=first")
	r.counts(1, "giro_outbox_sends_total", "send=again")
	r.counts(0, "giro_sagas_open")
	r.counts(0, "giro_outbox_rows")
	r.counts(6, "giro_health")
	for kind, want := range map[races.Kind]float64{
		races.StartDeduplicated: 1, races.StartConflict: 1, races.OutOfOrder: 1, races.LateReply: 2, races.LateTimeout: 0,
	} {
		r.counts(want, "giro_races_total", "race="+kind.Name())
	}
}
