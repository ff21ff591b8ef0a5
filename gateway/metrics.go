package gateway

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/orchestrator"
	"github.com/girohq/giro/races"
	"github.com/prometheus/client_golang/prometheus"
)

func (g *Gateway) metrics(w http.ResponseWriter, r *http.Request) error {
	g.cfg.Metrics.ServeHTTP(w, r)
	return nil
}

// Collector gives the gateway's own metrics to a Prometheus registry.
func (g *Gateway) Collector() prometheus.Collector { return g.counted.requests }

// counted are the answers by operation and status.
type counted struct{ requests *prometheus.CounterVec }

func newCounted() counted {
	return counted{prometheus.NewCounterVec(prometheus.CounterOpts{Name: "giro_http_requests_total",
		Help: "Requests to an operation of the HTTP API that were answered."}, []string{"method", "path", "status"})}
}

// serve counts one request when it is answered: an event stream when it ends.
func (c *counted) serve(w http.ResponseWriter, op *operation, answer func(http.ResponseWriter)) {
	s := &statusWriter{ResponseWriter: w, status: http.StatusOK}
	answer(s)
	c.requests.WithLabelValues(op.method, op.path, strconv.Itoa(s.status)).Inc()
}

// statusWriter remembers the status.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets [http.ResponseController] reach the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// race counts what the key of a start has prevented.
func (g *Gateway) race(a orchestrator.Accepted, err error) {
	var problem *wire.Problem
	switch {
	case err == nil && a.Repeated:
		g.cfg.Races.Add(races.IdempotentReplay)
	case errors.As(err, &problem) && problem.Code == wire.CodeConflict:
		g.cfg.Races.Add(races.IdempotencyConflict)
	}
}
