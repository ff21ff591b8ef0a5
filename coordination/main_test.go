package coordination

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

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
	t   testing.TB
	all []*server.Server
}

// newServers starts n servers on ports of their own and waits until they can make streams.
func newServers(t testing.TB, n int) *servers {
	t.Helper()
	c := &servers{t: t}
	ports := freePorts(t, n)
	var routes []string
	for _, port := range ports {
		routes = append(routes, fmt.Sprintf("nats://127.0.0.1:%d", port))
	}
	for i, port := range ports {
		o := &server.Options{
			ServerName: fmt.Sprintf("s%d", i), Host: "127.0.0.1", Port: server.RANDOM_PORT,
			JetStream: true, StoreDir: filepath.Join(t.TempDir(), "js"), NoSigs: true, NoLog: true,
		}
		if n > 1 {
			o.Cluster = server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: port}
			o.Routes = server.RoutesFromStr(strings.Join(routes, ","))
		}
		c.add(o)
	}
	for _, s := range c.all {
		if !s.ReadyForConnections(30 * time.Second) {
			t.Fatal("the server does not start")
		}
	}
	c.eventually("the cluster has a leader", func() bool {
		for _, s := range c.all {
			if n == 1 || s.JetStreamIsLeader() && len(s.JetStreamClusterPeers()) == n {
				return true
			}
		}
		return false
	})
	return c
}

func (c *servers) add(o *server.Options) {
	c.t.Helper()
	s, err := server.NewServer(o)
	must(c.t, err)
	c.all = append(c.all, s)
	s.Start()
	c.t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
}

func freePorts(t testing.TB, n int) (ports []int) {
	t.Helper()
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		must(t, err)
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

// connect is a connection that knows all servers.
func (c *servers) connect() jetstream.JetStream {
	c.t.Helper()
	nc, err := nats.Connect(c.urls(), jet.Options("test", false, zerolog.Nop())...)
	must(c.t, err)
	c.t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	must(c.t, err)
	return js
}

func (c *servers) urls() string {
	var urls []string
	for _, s := range c.all {
		urls = append(urls, s.ClientURL())
	}
	return strings.Join(urls, ",")
}

// stopLeader shuts the server down that leads the stream.
func (c *servers) stopLeader(js jetstream.JetStream, stream string) {
	c.t.Helper()
	s, err := js.Stream(bg, stream)
	must(c.t, err)
	for _, running := range c.all {
		if running.Name() == s.CachedInfo().Cluster.Leader {
			running.Shutdown()
			running.WaitForShutdown()
			return
		}
	}
	c.t.Fatalf("%s has no leader", stream)
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
