package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/girohq/giro/gateway"
	"github.com/girohq/giro/races"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"
)

// httpFlags say where the HTTP API is served, and for whom. Its certificate is not the one that
// the connection to NATS uses.
type httpFlags struct {
	listen string // none, or "": no port
	cert   string
	key    string
	token  string // the file it is in
}

const (
	defaultHTTP = "127.0.0.1:8484"
	httpToken   = "GIRO_HTTP_TOKEN"
)

func (f *httpFlags) register(flags *pflag.FlagSet, listen string) {
	flags.StringVar(&f.listen, "http", listen, "HTTP `ADDR`, or none")
	flags.StringVar(&f.cert, "http-cert", "", "certificate `FILE` of the HTTP API")
	flags.StringVar(&f.key, "http-key", "", "`FILE` of its key")
	flags.StringVar(&f.token, "http-token", "", "bearer token `FILE` ["+httpToken+"]")
}

// config reads the files. A token is no argument: those are seen by every user of the machine.
func (f *httpFlags) config() (gateway.Config, error) {
	cfg := gateway.Config{Listen: f.listen, Token: os.Getenv(httpToken), Version: thisBuild().Version}
	if f.token != "" {
		data, err := os.ReadFile(f.token)
		if err != nil {
			return cfg, usageError("--http-token: %w", err)
		}
		if cfg.Token = strings.TrimSpace(string(data)); cfg.Token == "" {
			return cfg, usageError("--http-token %s is empty", f.token)
		}
	}
	if (f.cert == "") != (f.key == "") {
		return cfg, usageError("--http-cert and --http-key belong together")
	}
	if f.cert != "" {
		pair, err := tls.LoadX509KeyPair(f.cert, f.key)
		if err != nil {
			return cfg, usageError("--http-cert: %w", err)
		}
		cfg.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	}
	return cfg, nil
}

// checked reads the files and says what is wrong, before anything is made. nil: there is to be no port.
func (f *httpFlags) checked() (*gateway.Config, error) {
	if f.listen == "" || f.listen == none {
		return nil, nil
	}
	cfg, err := f.config()
	if err != nil {
		return nil, err
	}
	err = cfg.CheckAccess()
	switch {
	case errors.Is(err, gateway.ErrExposed):
		return nil, usageError("--http: %w: give --http-cert, --http-key and --http-token", err)
	case errors.Is(err, gateway.ErrWeakToken):
		return nil, usageError("--http-token: %w", err)
	case err != nil:
		return nil, usageError("--http: %w", err)
	}
	return &cfg, nil
}

// openHTTP opens the port of the HTTP API; nil where there is to be none. That the default port is
// busy is only a warning.
func (a *app) openHTTP(cfg *gateway.Config, o gateway.Orchestrator, counts *races.Counts, byDefault bool, collectors ...prometheus.Collector) (*gateway.Gateway, error) {
	if cfg == nil {
		return nil, nil
	}
	metrics := a.newMetrics(collectors)
	cfg.Orchestrator, cfg.Log, cfg.Metrics, cfg.Races = o, a.log, metrics.Handler(), counts
	g, err := gateway.New(*cfg)
	switch {
	case errors.Is(err, gateway.ErrPortTaken) && byDefault:
		a.log.Warn().Msg("no HTTP API: " + err.Error() + "; choose another with --http")
		return nil, nil
	case errors.Is(err, gateway.ErrPortTaken):
		return nil, withTry(err, "--http 127.0.0.1:0 for any free port, or --http none")
	case err != nil:
		return nil, usageError("--http: %w", err)
	}
	metrics.Add(g.Collector())
	return g, nil
}

// withHTTP runs a service and its HTTP API, if it has one. The API ends first, for it uses the service.
func withHTTP(ctx context.Context, g *gateway.Gateway, run func(context.Context) error) error {
	if g == nil {
		return run(ctx)
	}
	inner, stop := context.WithCancel(context.WithoutCancel(ctx))
	outer, cancel := context.WithCancel(ctx)
	defer cancel()
	var both errgroup.Group
	both.Go(func() error { defer stop(); return g.Run(outer) })
	both.Go(func() error { defer cancel(); return run(inner) })
	return both.Wait()
}

// shownHTTP is the API's address for people.
func shownHTTP(g *gateway.Gateway) string {
	if g == nil {
		return "no port"
	}
	return fmt.Sprintf("%s (%s/openapi.json)", g.URL(), g.URL())
}
