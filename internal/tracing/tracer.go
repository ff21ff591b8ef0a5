package tracing

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// Old is the age from which a saga's spans are not children of its start any more: whatever collects
// traces has closed that one long ago.
const Old = time.Hour

// The attributes of spans.
const (
	SagaID    = attribute.Key("giro.saga.id")
	SagaType  = attribute.Key("giro.saga.type")
	Step      = attribute.Key("giro.step")
	Direction = attribute.Key("giro.direction")
	Attempt   = attribute.Key("giro.attempt")
	Outcome   = attribute.Key("giro.outcome")
	State     = attribute.Key("giro.state")
)

// Tracer begins spans. A nil one means that tracing is off: ask [Tracer.On] before making attributes.
type Tracer struct{ tracer trace.Tracer }

// New makes a tracer of a provider; nil, for tracing is off, of none.
func New(p trace.TracerProvider) *Tracer {
	if p == nil {
		return nil
	}
	return &Tracer{p.Tracer("github.com/girohq/giro")}
}

// On reports whether spans are made.
func (t *Tracer) On() bool { return t != nil }

// Begin begins a span under the traceparent. A linked one begins a trace of its own and has a link there
// instead, if that trace is sampled.
func (t *Tracer) Begin(traceparent string, linked bool, name string, kind trace.SpanKind, at time.Time, about ...attribute.KeyValue) trace.Span {
	ctx, from := context.Background(), Parse(traceparent)
	opts := []trace.SpanStartOption{trace.WithSpanKind(kind), trace.WithTimestamp(at), trace.WithAttributes(about...)}
	switch {
	case linked && from.IsValid() && !from.IsSampled():
		return trace.SpanFromContext(trace.ContextWithSpanContext(ctx, from)) // not sampled, and records nothing
	case linked && from.IsValid():
		opts = append(opts, trace.WithNewRoot(), trace.WithLinks(trace.Link{SpanContext: from}))
	default:
		ctx = trace.ContextWithRemoteSpanContext(ctx, from)
	}
	_, span := t.tracer.Start(ctx, name, opts...)
	return span
}
