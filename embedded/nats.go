package embedded

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"

	"github.com/girohq/giro/internal/jet"
	"github.com/girohq/giro/outbox"
)

// NATS is a broker in this process.
type NATS struct {
	cfg    NATSConfig
	lock   *outbox.Lock
	secret string // password of this process's own connections

	mu      sync.RWMutex
	running *server.Server // nil while a restart is under way or has failed
	port    int            // in use; kept over restarts
	stopped bool

	restarting sync.Mutex  // one restart or shutdown at a time
	wounded    atomic.Bool // the running server reported that a stream's file failed
	health     atomic.Pointer[Check]
}

// insider is the user of this process's own connections when the port asks for users.
const insider = "giro"

// StartNATS starts a broker on cfg.Dir, or says why it cannot: [outbox.ErrLocked] (two
// servers on one store would both acknowledge and overwrite each other), ErrPortTaken,
// ErrExposed, ErrNotSynced, or what the server says. [NATS.Run] watches it.
func StartNATS(cfg NATSConfig) (*NATS, error) {
	cfg, err := cfg.checked()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, err
	}
	lock, err := outbox.LockDir(cfg.Dir)
	if err != nil {
		return nil, err
	}
	n := &NATS{cfg: cfg, lock: lock, secret: nuid.Next()}
	n.health.Store(&Check{Detail: fmt.Sprintf("the broker's store at %s has not been written to yet", n.store())})
	if err := n.start(); err != nil {
		return nil, errors.Join(err, lock.Release())
	}
	return n, nil
}

// Connect connects within the process, with the options of [jet.Options] and then opts.
// The connection survives restarts of the server.
func (n *NATS) Connect(name string, opts ...nats.Option) (*nats.Conn, error) {
	all := jet.Options(name, false, n.cfg.Log)
	all = append(all, nats.InProcessServer(n))
	if len(n.cfg.Users) > 0 {
		all = append(all, nats.UserInfo(insider, n.secret))
	}
	return nats.Connect("", append(all, opts...)...)
}

// URL is where clients of other processes connect; empty without a port.
func (n *NATS) URL() string {
	if n.cfg.Listen == "" {
		return ""
	}
	host, _, _ := n.cfg.address() // was checked at the start
	n.mu.RLock()
	defer n.mu.RUnlock()
	scheme := "nats://"
	if n.cfg.TLS != nil {
		scheme = "tls://"
	}
	return scheme + net.JoinHostPort(host, strconv.Itoa(n.port))
}

// Health is what the canary last saw.
func (n *NATS) Health() Check { return *n.health.Load() }

// Run watches the broker until ctx ends, then shuts it down.
func (n *NATS) Run(ctx context.Context) error {
	n.watch(ctx)
	n.Shutdown()
	return nil
}

// Shutdown stops the server and gives the directory free. It may be called again.
func (n *NATS) Shutdown() {
	n.restarting.Lock()
	defer n.restarting.Unlock()
	n.mu.Lock()
	n.stopped = true
	n.mu.Unlock()
	n.stop()
	if err := n.lock.Release(); err != nil {
		n.cfg.Log.Error().Err(err).Str("dir", n.cfg.Dir).Msg("broker: unlock")
	}
}

// restart replaces the server by a new one on the same store and port.
func (n *NATS) restart() error {
	n.restarting.Lock()
	defer n.restarting.Unlock()
	n.mu.RLock()
	stopped := n.stopped
	n.mu.RUnlock()
	if stopped {
		return ErrDown
	}
	// The old one must be gone entirely, however long that takes: two servers on one
	// store would both acknowledge.
	n.stop()
	return n.start()
}

func (n *NATS) stop() {
	n.mu.Lock()
	s := n.running
	n.running = nil
	n.mu.Unlock()
	if s != nil {
		halt(s)
	}
}

func (n *NATS) start() error {
	if err := n.portFree(); err != nil {
		return err
	}
	n.wounded.Store(false)
	s, err := boot(n.options(), &serverLog{log: n.cfg.Log, wounded: &n.wounded})
	if err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.running = s
	if a, ok := s.Addr().(*net.TCPAddr); ok {
		n.port = a.Port
	}
	return nil
}

func (n *NATS) store() string { return filepath.Join(n.cfg.Dir, server.JetStreamStoreDir) }

// current is the server that runs now.
func (n *NATS) current() (*server.Server, error) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	if n.running == nil {
		return nil, ErrDown
	}
	return n.running, nil
}

// InProcessConn dials whichever server runs at the moment; with it n is an option of
// [nats.InProcessServer].
func (n *NATS) InProcessConn() (net.Conn, error) {
	s, err := n.current()
	if err != nil {
		return nil, err
	}
	return s.InProcessConn()
}
