package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"syscall"

	"golang.org/x/net/netutil"
)

// Gateway serves the HTTP API. Make it with [New], then [Gateway.Run] it once; Run closes it.
type Gateway struct {
	cfg      Config
	listener net.Listener
	handler  http.Handler

	serving context.Context // of Run: waits and streams end with it
	drain   context.CancelFunc
	streams chan struct{} // one held by each event stream
	counted counted
}

// New checks the configuration and opens the port; nobody is answered before Run. Errors:
// [ErrExposed], [ErrPortTaken], [ErrWeakToken].
func New(cfg Config) (*Gateway, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	g := &Gateway{cfg: cfg, streams: make(chan struct{}, maxStreams), counted: newCounted()}
	g.serving, g.drain = context.WithCancel(context.Background())
	g.handler = g.guard(g.routes())
	l, err := net.Listen("tcp", cfg.Listen)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s: %w: another program listens there", cfg.Listen, ErrPortTaken)
	}
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", cfg.Listen, err)
	}
	g.listener = netutil.LimitListener(l, maxConnections)
	return g, nil
}

// URL is where the API is served.
func (g *Gateway) URL() string {
	scheme := "http"
	if g.cfg.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + g.listener.Addr().String()
}

// Close closes the port of a gateway that never ran.
func (g *Gateway) Close() error { return g.listener.Close() }

// Run serves until the context ends, then drains: waits and event streams end at once, each with
// what it has, and other requests have three seconds. The orchestrator must outlive it.
func (g *Gateway) Run(ctx context.Context) error {
	s := &http.Server{
		Handler: g.handler, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
		ErrorLog: log.New(g.cfg.Log, "", 0), BaseContext: func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
	}
	defer g.drain()
	ended := make(chan error, 1)
	go func() { ended <- g.serve(s) }()
	select {
	case err := <-ended:
		return errors.Join(fmt.Errorf("gateway: %w", err), s.Close())
	case <-ctx.Done():
	}
	g.drain()
	patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	if err := s.Shutdown(patience); err != nil {
		g.cfg.Log.Warn().Msg("http: requests under way were cut off")
		_ = s.Close() // what is left of them
	}
	<-ended
	return nil
}

func (g *Gateway) serve(s *http.Server) error {
	if g.cfg.TLS == nil {
		return s.Serve(g.listener)
	}
	own := g.cfg.TLS.Clone()
	own.MinVersion = max(own.MinVersion, tls.VersionTLS12)
	s.TLSConfig = own
	return s.ServeTLS(g.listener, "", "")
}

// patient is a request's context for what may take long: it ends with the gateway too.
func (g *Gateway) patient(r *http.Request) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(r.Context())
	forget := context.AfterFunc(g.serving, cancel)
	return ctx, func() { forget(); cancel() }
}
