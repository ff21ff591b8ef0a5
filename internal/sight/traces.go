package sight

import (
	"context"
	"errors"
	"os"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Traces are the spans of one process on their way to a collector. The zero value is off.
type Traces struct{ provider *sdk.TracerProvider }

// flushTimeout bounds how long the end of a process waits for its last spans.
const flushTimeout = 3 * time.Second

// TracesWanted says whether the standard environment asks for traces over OTLP: an endpoint is named, and
// neither the SDK nor the exporter is switched off.
func TracesWanted() bool {
	exporter := os.Getenv("OTEL_TRACES_EXPORTER")
	return (os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != "") &&
		!strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") && (exporter == "" || exporter == "otlp")
}

// OpenTraces is off unless the environment wants traces. Everything else (endpoint, headers, sampler,
// resource, batches) is the standard environment's too; name is the service's where that says none.
// A collector that is away costs spans, and a warning, but no saga waits for it.
func OpenTraces(ctx context.Context, name, version string, log zerolog.Logger) (*Traces, error) {
	if !TracesWanted() {
		return &Traces{}, nil
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn().Err(err).Msg("traces") }))
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, err
	}
	about, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithHost(),
		resource.WithAttributes(attribute.String("service.name", name), attribute.String("service.version", version)), resource.WithFromEnv())
	if err != nil {
		return nil, errors.Join(err, exporter.Shutdown(ctx))
	}
	return &Traces{sdk.NewTracerProvider(sdk.WithBatcher(exporter), sdk.WithResource(about))}, nil
}

// Provider is what the parts make spans with; nil while tracing is off.
func (t *Traces) Provider() trace.TracerProvider {
	if t.provider == nil {
		return nil
	}
	return t.provider
}

// Close sends what is left.
func (t *Traces) Close() error {
	if t.provider == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), flushTimeout)
	defer cancel()
	return t.provider.Shutdown(ctx)
}
