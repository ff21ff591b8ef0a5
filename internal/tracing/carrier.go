package tracing

import (
	"context"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// header is the only one that travels. Headers of NATS are case sensitive, so it is written exactly so.
const header = "traceparent"

// carrier holds one traceparent for the propagator, whose other headers it drops.
type carrier struct{ traceparent string }

func (c *carrier) Get(key string) string {
	if key == header {
		return c.traceparent
	}
	return ""
}

func (c *carrier) Set(key, value string) {
	if key == header {
		c.traceparent = value
	}
}

func (c *carrier) Keys() []string { return []string{header} }

// Parse reads a traceparent. One that is malformed is no span's.
func Parse(traceparent string) trace.SpanContext {
	ctx := propagation.TraceContext{}.Extract(context.Background(), &carrier{traceparent})
	return trace.SpanContextFromContext(ctx)
}

// Format writes the traceparent of a span; "" of none.
func Format(s trace.Span) string {
	c := &carrier{}
	propagation.TraceContext{}.Inject(trace.ContextWithSpan(context.Background(), s), c)
	return c.traceparent
}
