package coordination

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/girohq/giro/internal/cluster"
	"github.com/girohq/giro/internal/jet"
)

func TestMain(m *testing.M) {
	if os.Getenv("COORDINATION_CHILD") != "" {
		childHolds()
		return
	}
	goleak.VerifyTestMain(m)
}

// servers is a broker of one server, or a cluster of three, in this process.
type servers struct {
	*cluster.Cluster
	t testing.TB
}

func newServers(t testing.TB, n int) *servers {
	t.Helper()
	c, err := cluster.Start(bg, cluster.Config{Dir: t.TempDir(), Servers: n})
	must(t, err)
	t.Cleanup(c.Close)
	return &servers{c, t}
}

// connect is a connection that knows all servers.
func (c *servers) connect() jetstream.JetStream {
	c.t.Helper()
	nc, err := nats.Connect(c.URL(), jet.Options("test", false, zerolog.Nop())...)
	must(c.t, err)
	c.t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	must(c.t, err)
	return js
}

func (c *servers) eventually(what string, is func() bool) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(bg, 30*time.Second)
	defer cancel()
	for !is() {
		if pauseExactly(ctx, 20*time.Millisecond) != nil {
			c.t.Fatalf("not in time: %s", what)
		}
	}
}

var bg = context.Background()

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// shapes are the brokers that everything must hold on.
var shapes = map[string]int{"one server": 1, "three servers": 3}

func onEach(t *testing.T, test func(t *testing.T, c *servers, replicas int)) {
	for name, n := range shapes {
		t.Run(name, func(t *testing.T) { test(t, newServers(t, n), n) })
	}
}

func (c *servers) locks(cfg Config) *Locks {
	c.t.Helper()
	cfg.JetStream = c.connect()
	l, err := OpenLocks(bg, cfg)
	must(c.t, err)
	return l
}

func (c *servers) counters(cfg CounterConfig) *Counters {
	c.t.Helper()
	cfg.JetStream = c.connect()
	n, err := OpenCounters(bg, cfg)
	must(c.t, err)
	return n
}
