package sight_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/girohq/giro/internal/sight"
	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/saga"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
)

const (
	callers = "4bf92f3577b34da6a3ce929d0e0e4736" // the trace of the caller
	caller  = "00-" + callers + "-00f067aa0ba902b7-01"
)

// recorded are the spans of a node.
type recorded struct {
	*world
	spans *tracetest.InMemoryExporter
}

// await waits until n spans of a name have ended, and returns them.
func (r *recorded) await(name string, n int) tracetest.SpanStubs {
	r.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		var found tracetest.SpanStubs
		for _, s := range r.spans.GetSpans() {
			if s.Name == name {
				found = append(found, s)
			}
		}
		if len(found) >= n {
			return found
		}
		select {
		case <-r.ctx.Done():
			r.Fatalf("%d spans %q, want %d: %v", len(found), name, n, r.told())
		case <-tick.C:
		}
	}
}

func (r *recorded) told() (all []string) {
	for _, s := range r.spans.GetSpans() {
		all = append(all, s.Name)
	}
	return all
}

func traced(t *testing.T, sampler sdk.Sampler) *recorded {
	t.Helper()
	spans := tracetest.NewInMemoryExporter()
	provider := sdk.NewTracerProvider(sdk.WithSyncer(spans), sdk.WithSampler(sampler))
	return &recorded{newWorldWith(t, provider), spans}
}

// start starts a transfer of A to an account of B, in the caller's trace, and waits for its end.
func (r *recorded) start(id, account, traceparent string, want saga.State) {
	r.Helper()
	input := fmt.Sprintf(`{"from":{"bank":"A","account":"1"},"to":{"bank":"B","account":%q},"amount":1,"currency":"EUR"}`, account)
	_, err := r.node.Orchestrator().Start(r.ctx, "transfer", []byte(input), nats.Header{wire.HeaderID: {id}, wire.HeaderTraceParent: {traceparent}})
	r.must(err)
	doc, err := r.c.Wait(r.ctx, id)
	r.must(err)
	if doc.State != want {
		r.Fatalf("%s is %s", id, doc.State)
	}
}

// TestTraces follows a transfer with its compensation through the orchestrator and both banks: every span
// is a child of what caused it. A copy of a command makes a link, not a second child; so does its reply.
func TestTraces(t *testing.T) {
	r := traced(t, sdk.ParentBased(sdk.AlwaysSample()))
	var heard sync.Map // commands by operation
	_, err := r.conn.Subscribe("saga.command.>", func(m *nats.Msg) { heard.LoadOrStore(m.Header.Get(wire.HeaderOp), m) })
	r.must(err)
	r.must(r.conn.Flush())
	r.start("T-1", "nobody", caller, saga.Compensated)

	root := r.await("start transfer", 1)[0]
	r.child(root, trace.SpanKindServer, tracetest.SpanStub{SpanContext: trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: root.SpanContext.TraceID(), SpanID: trace.SpanID{0x00, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7}})})
	for operation, handler := range map[string]string{"debit forward": "debit", "credit forward": "credit", "debit backward": "refund"} {
		send := r.await("send "+operation, 1)[0]
		handle := r.await("handle "+handler, 1)[0]
		r.child(send, trace.SpanKindProducer, root)
		r.child(handle, trace.SpanKindConsumer, send)
		r.child(r.await("reply "+operation, 1)[0], trace.SpanKindConsumer, handle)
	}
	r.child(r.await("saga transfer", 1)[0], trace.SpanKindInternal, root)
	if trace := root.SpanContext.TraceID().String(); trace != callers {
		t.Errorf("the trace is %s", trace)
	}

	first, ok := heard.Load("T-1/debit/forward")
	if !ok {
		t.Fatalf("the debit was not heard: %v", r.told())
	}
	again := nats.NewMsg(first.(*nats.Msg).Subject)
	again.Header, again.Data = nats.Header{}, first.(*nats.Msg).Data
	for name, values := range first.(*nats.Msg).Header {
		again.Header[name] = values
	}
	again.Header[wire.HeaderMsgID] = []string{nuid.Next()}
	r.must(r.conn.PublishMsg(again))
	handled := r.await("handle debit", 2)[1]
	r.linked(handled, r.await("send debit forward", 1)[0])
	r.linked(r.await("reply debit forward", 2)[1], handled)
}

// child checks the kind and the parent of a span.
func (r *recorded) child(s tracetest.SpanStub, kind trace.SpanKind, parent tracetest.SpanStub) {
	r.Helper()
	if s.SpanKind != kind || s.Parent.SpanID() != parent.SpanContext.SpanID() || s.SpanContext.TraceID() != parent.SpanContext.TraceID() {
		r.Errorf("%s (%s) is not a child of %s: parent %s, kind %s", s.Name, s.SpanContext.SpanID(), parent.Name, s.Parent.SpanID(), s.SpanKind)
	}
}

// linked checks that a span begins a trace of its own, with a link to another one.
func (r *recorded) linked(s, to tracetest.SpanStub) {
	r.Helper()
	if s.Parent.IsValid() || s.SpanContext.TraceID() == to.SpanContext.TraceID() || len(s.Links) != 1 ||
		s.Links[0].SpanContext.SpanID() != to.SpanContext.SpanID() {
		r.Errorf("%s: parent %s, links %v; want a trace of its own and a link to %s", s.Name, s.Parent.SpanID(), s.Links, to.SpanContext.SpanID())
	}
}

// TestUnsampledIsUnsampled: what the caller does not sample makes no span, not even a linked one.
func TestUnsampledIsUnsampled(t *testing.T) {
	r := traced(t, sdk.ParentBased(sdk.AlwaysSample()))
	r.echo("saga.command.>")
	r.echo("saga.reply.>")
	r.start("T-1", "1", strings.TrimSuffix(caller, "1")+"0", saga.Completed)
	r.start("T-2", "1", caller, saga.Completed) // read behind it
	r.await("saga transfer", 1)
	for _, s := range r.spans.GetSpans() {
		for _, a := range s.Attributes {
			if a.Value.AsString() == "T-1" {
				t.Errorf("%s of a saga that is not sampled", s.Name)
			}
		}
	}
}

// TestTracesWanted: off unless the standard environment names an endpoint.
func TestTracesWanted(t *testing.T) {
	for _, name := range []string{"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER"} {
		t.Setenv(name, "")
	}
	want := func(on bool) {
		t.Helper()
		if sight.TracesWanted() != on {
			t.Errorf("wanted: %v", !on)
		}
	}
	want(false)
	t.Setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://127.0.0.1:4318/v1/traces")
	want(true)
	t.Setenv("OTEL_TRACES_EXPORTER", "none")
	want(false)
	t.Setenv("OTEL_TRACES_EXPORTER", "otlp")
	t.Setenv("OTEL_SDK_DISABLED", "true")
	want(false)
}
