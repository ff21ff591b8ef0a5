package cluster

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
)

// Config says what runs.
type Config struct {
	Dir     string // for the servers' stores; each has a directory below it
	Servers int    // 1, or an odd number above it
	Sync    bool   // sync_interval always, as one must have it that is not asked
}

// Cluster is servers that run.
type Cluster struct {
	servers []*server.Server
}

// Start runs servers and returns when streams can be made.
func Start(ctx context.Context, cfg Config) (*Cluster, error) {
	ports, err := freePorts(cfg.Servers)
	if err != nil {
		return nil, err
	}
	c := &Cluster{}
	for i := range ports {
		if err := c.add(cfg, i, ports); err != nil {
			c.Close()
			return nil, err
		}
	}
	if err := c.ready(ctx); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// add starts the server that has the ith port for its routes.
func (c *Cluster) add(cfg Config, i int, ports []int) error {
	name := fmt.Sprintf("s%d", i)
	o := &server.Options{
		ServerName: name, Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: filepath.Join(cfg.Dir, name),
		SyncAlways: cfg.Sync, NoSigs: true, NoLog: true, NoSublistCache: true,
	}
	if len(ports) > 1 {
		routes := make([]string, len(ports))
		for n, port := range ports {
			routes[n] = fmt.Sprintf("nats://127.0.0.1:%d", port)
		}
		o.Cluster = server.ClusterOpts{Name: "giro", Host: "127.0.0.1", Port: ports[i]}
		o.Routes = server.RoutesFromStr(strings.Join(routes, ","))
	}
	s, err := server.NewServer(o)
	if err != nil {
		return fmt.Errorf("server %s: %w", name, err)
	}
	c.servers = append(c.servers, s)
	s.Start()
	return nil
}

// ready waits until the servers answer and know each other.
func (c *Cluster) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !c.whole() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d servers find no leader: %w", len(c.servers), ctx.Err())
		case <-tick.C:
		}
	}
	return nil
}

func (c *Cluster) whole() bool {
	led := len(c.servers) == 1
	for _, s := range c.servers {
		if !s.ReadyForConnections(time.Millisecond) {
			return false
		}
		led = led || s.JetStreamIsLeader() && len(s.JetStreamClusterPeers()) == len(c.servers)
	}
	return led
}

// URL names all servers, as a client wants them.
func (c *Cluster) URL() string {
	urls := make([]string, len(c.servers))
	for i, s := range c.servers {
		urls[i] = s.ClientURL()
	}
	return strings.Join(urls, ",")
}

// StopLeader shuts the server down that leads a stream. It is not started again.
func (c *Cluster) StopLeader(ctx context.Context, js jetstream.JetStream, stream string) error {
	st, err := js.Stream(ctx, stream)
	if err != nil {
		return err
	}
	for _, s := range c.servers {
		if st.CachedInfo().Cluster != nil && s.Name() == st.CachedInfo().Cluster.Leader {
			s.Shutdown()
			s.WaitForShutdown()
			return nil
		}
	}
	return fmt.Errorf("stream %s has no leader", stream)
}

// Close shuts all servers down.
func (c *Cluster) Close() {
	for _, s := range c.servers {
		s.Shutdown()
	}
	for _, s := range c.servers {
		s.WaitForShutdown()
	}
}

func freePorts(n int) (ports []int, err error) {
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port) // it is a TCP listener
	}
	return ports, nil
}
