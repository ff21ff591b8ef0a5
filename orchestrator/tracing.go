package orchestrator

import (
	"time"

	"github.com/girohq/giro/internal/tracing"
	"github.com/girohq/giro/saga"
	"go.opentelemetry.io/otel/trace"
)

// The spans of a saga: its start, whose context is kept with the saga; under that one for each command
// that is sent and, when it has ended, one for the whole of it; under the participant's span one for
// each reply. They are ended when their batch is committed: those of one that is rolled back are never told.

// traceStart begins the span of a start and returns it with the context that the saga keeps.
func (m *mover) traceStart(id, sagaType, caller string) (trace.Span, string) {
	if !m.tracer.On() {
		return nil, caller
	}
	span := m.tracer.Begin(caller, false, "start "+sagaType, trace.SpanKindServer, time.Now(),
		tracing.SagaID.String(id), tracing.SagaType.String(sagaType))
	return span, tracing.Format(span)
}

// traced ends a span with the batch.
func (b *batch) traced(span trace.Span) {
	if span != nil {
		b.spans = append(b.spans, span)
	}
}

// traceSend begins the span of a command, which the message carries. A further attempt is only linked: the
// message that the outbox keeps still carries the first one's.
func (m *mover) traceSend(c *saga.Command, in *saga.Instance) {
	if !m.tracer.On() {
		return
	}
	linked := c.Attempt > 1 || old(in)
	span := m.tracer.Begin(c.TraceParent, linked, "send "+operation(c.Step, c.Direction), trace.SpanKindProducer, time.Now(),
		tracing.SagaID.String(c.SagaID), tracing.SagaType.String(c.SagaType), tracing.Step.String(c.Step),
		tracing.Direction.String(string(c.Direction)), tracing.Attempt.Int(c.Attempt))
	c.TraceParent = tracing.Format(span)
	m.batch.traced(span)
}

// traceReply is the span of a reply that was applied. One that came late, again, or to an old saga is linked.
func (m *mover) traceReply(w *work, before *saga.Instance, late bool) {
	e, ok := w.event.(saga.Replied)
	if !ok || !m.tracer.On() {
		return
	}
	r := e.Reply
	m.batch.traced(m.tracer.Begin(w.trace, late || w.again || old(before), "reply "+operation(r.Step, r.Direction), trace.SpanKindConsumer, time.Now(),
		tracing.SagaID.String(r.SagaID), tracing.SagaType.String(before.Type), tracing.Step.String(r.Step),
		tracing.Direction.String(string(r.Direction)), tracing.Attempt.Int(r.Attempt), tracing.Outcome.String(string(r.Outcome))))
}

// traceEnd is the span of a whole saga.
func (m *mover) traceEnd(in *saga.Instance) {
	if !m.tracer.On() {
		return
	}
	span := m.tracer.Begin(in.Trace, old(in), "saga "+in.Type, trace.SpanKindInternal, in.Created,
		tracing.SagaID.String(in.ID), tracing.SagaType.String(in.Type), tracing.State.String(string(in.State)))
	m.batch.traced(span)
}

// old says whether the trace of the start is over for whoever collects it.
func old(in *saga.Instance) bool { return in.Updated.Sub(in.Created) > tracing.Old }

// operation names what spans are about, without the index of a list's step: names are few.
func operation(step string, d saga.Direction) string {
	for i := range len(step) {
		if step[i] == '.' || step[i] == '~' {
			step = step[:i]
			break
		}
	}
	return step + " " + string(d)
}
