package gateway

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/girohq/giro/orchestrator"
	"github.com/girohq/giro/races"
	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"
)

// Orchestrator is what the gateway needs of one; see the methods of [orchestrator.Orchestrator].
type Orchestrator interface {
	Start(ctx context.Context, sagaType string, input []byte, header nats.Header) (orchestrator.Accepted, error)
	Call(ctx context.Context, verb string, body []byte, header nats.Header) (json.RawMessage, error)
	Follow(ctx context.Context, id string, after int64, quiet time.Duration) iter.Seq2[[]orchestrator.Event, error]
}

// Config says where and for whom the API is served. Listen is required, and Orchestrator or Metrics.
type Config struct {
	Orchestrator Orchestrator
	// Metrics answers at /metrics, for whom may use the API; nil: there is no such path. Without an Orchestrator
	// nothing else is served.
	Metrics http.Handler
	// Races counts what keys prevent; nil counts nothing.
	Races *races.Counts
	// Listen is host:port; port 0 is any free one. Anything but a loopback host needs TLS and Token.
	Listen string
	// TLS is the port's; nil serves plain HTTP.
	TLS *tls.Config
	// Token must be the bearer token of every request but /healthz and /readyz; "" asks for none.
	Token string
	// Version of the program, for the OpenAPI document.
	Version string
	// Quiet is how long an event stream says nothing before it gives a sign of life; default 15 s.
	Quiet time.Duration
	Log   zerolog.Logger
}

// The written bounds of the gateway.
const (
	maxConnections = 4096
	maxStreams     = 512              // event streams at a time; more are refused as unavailable
	maxHeader      = 16 << 10         // bytes of a request's header
	maxDefinition  = 1 << 20          // bytes of a definition, as a broker takes them; other bodies: saga.MaxBody
	headerTimeout  = 5 * time.Second  // until a request's header is read
	readTimeout    = 15 * time.Second // until its body is read
	writeTimeout   = 45 * time.Second // for an answer, more than a verb may take, and for a batch of events
	idleTimeout    = 2 * time.Minute  // between two requests of a connection
	drainTimeout   = 3 * time.Second  // for requests under way when the gateway ends
	defaultQuiet   = 15 * time.Second // below the minute after which proxies give up
)

func (c *Config) check() error {
	if c.Orchestrator == nil && c.Metrics == nil {
		return errors.New("gateway: Config.Orchestrator or Config.Metrics is required")
	}
	if c.Quiet <= 0 {
		c.Quiet = defaultQuiet
	}
	return c.CheckAccess()
}

// CheckAccess says what [New] would say of where and for whom the API is to be served, before there
// is an orchestrator: [ErrExposed], [ErrWeakToken], or that Listen is no address.
func (c *Config) CheckAccess() error {
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return fmt.Errorf("listen on %q: %w", c.Listen, err)
	}
	if !loopback(host) && (c.TLS == nil || c.Token == "") {
		return fmt.Errorf("listen on %s: %w", c.Listen, ErrExposed)
	}
	if c.Token != "" && !strong(c.Token) {
		return ErrWeakToken
	}
	return nil
}

func strong(token string) bool {
	strange := func(r rune) bool { return r <= ' ' || r > '~' }
	return len(token) >= 16 && len(token) <= 256 && !strings.ContainsFunc(token, strange)
}

// loopback reports whether only this machine reaches the host. An empty one is every interface.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
