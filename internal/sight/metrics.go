package sight

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/rs/zerolog"
)

// Metrics are those of one process.
type Metrics struct {
	registry *prometheus.Registry
	log      zerolog.Logger
}

// NewMetrics has the metrics of the Go runtime and of the process, and the build.
func NewMetrics(version string, log zerolog.Logger) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry(), log: log}
	build := prometheus.NewGauge(prometheus.GaugeOpts{Name: "giro_build_info", Help: "Always 1; the label is the version.",
		ConstLabels: prometheus.Labels{"version": version}})
	build.Set(1)
	m.Add(build, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Add adds what parts collect, each once.
func (m *Metrics) Add(all ...prometheus.Collector) { m.registry.MustRegister(all...) }

// scrapesAtOnce bounds scrapes: each looks at databases and asks the broker.
const scrapesAtOnce = 2

// Handler answers scrapes. What cannot be read is left out and logged: a broker that is away must not
// hide the rest.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorLog: logger{m.log}, ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: scrapesAtOnce, EnableOpenMetrics: true,
	})
}

// logger is promhttp's.
type logger struct{ zerolog.Logger }

func (l logger) Println(v ...any) { l.Warn().Interface("error", v).Msg("metrics") }
