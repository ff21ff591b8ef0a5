package participants

import (
	"time"

	"github.com/girohq/giro/internal/tracing"
	"github.com/girohq/giro/saga"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// begun begins the span of handling a command, under the one that sent it. Handlers find it in
// [CommandFrom], and the reply carries it. A command that comes again is only linked to its sending:
// a further attempt, a repeat by the broker, one that the barrier has seen.
func (d *delivery) begun(t *tracing.Tracer, seen bool) {
	if !t.On() {
		return
	}
	c := &d.command
	if d.span == nil {
		d.sent = c.TraceParent
	}
	again := c.Attempt > 1 || d.msg.Redelivered || seen
	d.span = t.Begin(d.sent, again, "handle "+c.Action, trace.SpanKindConsumer, time.Now(),
		tracing.SagaID.String(c.SagaID), tracing.SagaType.String(c.SagaType), tracing.Step.String(c.Step),
		tracing.Direction.String(string(c.Direction)), tracing.Attempt.Int(c.Attempt))
	c.TraceParent = tracing.Format(d.span)
}

// ended ends the span when the command is answered.
func (d *delivery) ended() {
	if d.span == nil {
		return
	}
	d.span.SetAttributes(tracing.Outcome.String(string(d.answer.Outcome)))
	if d.answer.Outcome == saga.Conflict || d.answer.Outcome == saga.Retried {
		d.span.SetStatus(codes.Error, d.answer.Code)
	}
	d.span.End()
}
