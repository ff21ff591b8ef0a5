package sight_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/girohq/giro/client"
	"github.com/girohq/giro/embedded"
	"github.com/girohq/giro/gateway"
	"github.com/girohq/giro/internal/sight"
	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/participants/ledger"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/trace"
)

const patience = time.Minute

// world is a node with the banks A and B, served over HTTP with its metrics.
type world struct {
	*testing.T
	ctx    context.Context
	dir    string
	node   *embedded.Node
	names  wire.Names
	conn   *nats.Conn
	js     jetstream.JetStream
	c      *client.Client
	url    string
	ahead  atomic.Int64 // the clock, of the real one
	jumped chan struct{}
	end    func()
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldWith(t, nil)
}

func newWorldWith(t *testing.T, tracer trace.TracerProvider) *world {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*patience)
	t.Cleanup(cancel)
	w := &world{T: t, ctx: ctx, dir: t.TempDir(), jumped: make(chan struct{}, 1)}
	accounts := []ledger.Account{{Account: "1", Currency: "EUR", Balance: 1000_00}}
	var err error
	w.node, err = embedded.New(ctx, embedded.Config{Data: w.dir, Log: zerolog.Nop(), Now: w.now, Jumped: w.jumped, Tracer: tracer,
		Banks: []ledger.Branch{{Bank: "A", Accounts: accounts}, {Bank: "B", Accounts: accounts}}})
	w.must(err)
	metrics := sight.NewMetrics("test", zerolog.Nop())
	metrics.Add(w.node.Collectors()...)
	g, err := gateway.New(gateway.Config{Orchestrator: w.node.Orchestrator(), Listen: "127.0.0.1:0", Metrics: metrics.Handler(), Races: w.node.Orchestrator().Races()})
	w.must(err)
	metrics.Add(g.Collector())
	w.url = g.URL()
	w.run(g.Run, w.node.Run)
	w.must(w.node.Ready(ctx))
	w.conn, err = w.node.Connect("test")
	w.must(err)
	w.names, err = wire.New("")
	w.must(err)
	w.js, err = jetstream.New(w.conn)
	w.must(err)
	w.c, err = client.New(w.conn)
	w.must(err)
	return w
}

func (w *world) now() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }

// jump sets the clock forward.
func (w *world) jump(by time.Duration) {
	w.ahead.Add(int64(by))
	w.jumped <- struct{}{}
}

// run runs services; end stops them, the first one first.
func (w *world) run(services ...func(context.Context) error) {
	var stops []func()
	for _, run := range services {
		ctx, cancel := context.WithCancel(context.WithoutCancel(w.ctx))
		ended := make(chan error, 1)
		go func() { ended <- run(ctx) }()
		stops = append(stops, func() { cancel(); w.must(<-ended) })
	}
	over := false
	w.end = func() {
		if over {
			return
		}
		over = true
		w.conn.Close()
		http.DefaultClient.CloseIdleConnections()
		for _, stop := range stops {
			stop()
		}
	}
	w.Cleanup(func() { w.end() })
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// echo publishes every message of a subject once more, as a broker or a network may: what was sent once
// arrives twice.
func (w *world) echo(subject string) {
	w.Helper()
	const echoed = "Test-Echo"
	_, err := w.conn.Subscribe(subject, func(m *nats.Msg) {
		if m.Header.Get(echoed) != "" {
			return
		}
		again := &nats.Msg{Subject: m.Subject, Header: nats.Header{echoed: {"1"}}, Data: m.Data}
		for name, values := range m.Header {
			again.Header[name] = values
		}
		again.Header[wire.HeaderMsgID] = []string{nuid.Next()}
		_ = w.conn.PublishMsg(again) // the connection may be closing
	})
	w.must(err)
	w.must(w.conn.Flush())
}

// post starts a transfer over HTTP and returns the status.
func (w *world) post(id string, amount int) int {
	w.Helper()
	body := fmt.Sprintf(`{"from":{"bank":"A","account":"1"},"to":{"bank":"B","account":"1"},"amount":%d,"currency":"EUR"}`, amount)
	req, err := http.NewRequestWithContext(w.ctx, "POST", w.url+"/v1/sagas/transfer", strings.NewReader(body))
	w.must(err)
	req.Header.Set("Idempotency-Key", id)
	resp, err := http.DefaultClient.Do(req)
	w.must(err)
	w.must(resp.Body.Close())
	return resp.StatusCode
}

// scrape is one reading of /metrics: each line's value by its name and labels.
type scrape map[string]float64

func (w *world) scrape() scrape {
	w.Helper()
	resp, err := http.Get(w.url + "/metrics")
	w.must(err)
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		w.Fatalf("/metrics: %s", resp.Status)
	}
	s := scrape{}
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		line := lines.Text()
		cut := strings.LastIndexByte(line, ' ')
		if strings.HasPrefix(line, "#") || cut < 0 {
			continue
		}
		s[line[:cut]], err = strconv.ParseFloat(line[cut+1:], 64)
		w.must(err)
	}
	w.must(lines.Err())
	return s
}

// sum adds up every line of a metric that has the labels, each as name="value".
func (s scrape) sum(metric string, labels ...string) float64 {
	total := 0.0
	for line, v := range s {
		name, of, _ := strings.Cut(line, "{")
		fits := name == metric
		for _, l := range labels {
			fits = fits && strings.Contains(","+strings.TrimSuffix(of, "}")+",", ","+l+",")
		}
		if fits {
			total += v
		}
	}
	return total
}

// eventually scrapes until something holds.
func (w *world) eventually(what string, holds func(scrape) bool) scrape {
	w.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		s := w.scrape()
		if holds(s) {
			return s
		}
		select {
		case <-w.ctx.Done():
			w.Fatalf("never %s: %v", what, s)
		case <-tick.C:
		}
	}
}
