package embedded

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// readyTimeout bounds the time to open the port; the store was recovered before.
const readyTimeout = 5 * time.Second

func (n *NATS) options() *server.Options {
	opts := &server.Options{
		ServerName:        insider,
		JetStream:         true,
		StoreDir:          n.cfg.Dir, // the server adds "jetstream"
		JetStreamMaxStore: n.cfg.MaxStore,
		SyncAlways:        true,
		NoSigs:            true, // signals are the program's
		NoLog:             true, // see serverLog
		NoSublistCache:    true, // nearly every message has a subject of its own
		DontListen:        n.cfg.Listen == "",
		TLSConfig:         n.cfg.TLS,
		TLS:               n.cfg.TLS != nil,
		TLSTimeout:        server.TLS_TIMEOUT.Seconds(),
	}
	if n.cfg.Listen != "" {
		opts.Host, _, _ = n.cfg.address() // was checked at the start
		opts.Port = n.wantedPort()
	}
	if len(n.cfg.Users) > 0 {
		opts.Users = append(opts.Users, &server.User{Username: insider, Password: n.secret})
		for _, u := range n.cfg.Users {
			opts.Users = append(opts.Users, &server.User{Username: u.Name, Password: u.Password, Permissions: u.Permissions})
		}
	}
	return opts
}

// wantedPort is the port that clients know already, else the configured one.
func (n *NATS) wantedPort() int {
	n.mu.RLock()
	defer n.mu.RUnlock()
	if n.port != 0 {
		return n.port
	}
	_, port, _ := n.cfg.address() // was checked at the start
	if port == 0 {
		return server.RANDOM_PORT
	}
	return port
}

// portFree asks the system before anything is started: the server would recover its
// store first and only then complain.
func (n *NATS) portFree() error {
	if n.cfg.Listen == "" {
		return nil
	}
	port := n.wantedPort()
	if port == server.RANDOM_PORT {
		return nil
	}
	host, _, _ := n.cfg.address() // was checked at the start
	l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%s: %w: another program listens there", n.cfg.Listen, ErrPortTaken)
	}
	if err != nil {
		return fmt.Errorf("listen on %s: %w", n.cfg.Listen, err)
	}
	return l.Close()
}

// boot starts a server and returns it when it is ready and proven to sync.
func boot(opts *server.Options, log *serverLog) (*server.Server, error) {
	s, err := server.NewServer(opts)
	if err != nil {
		return nil, fmt.Errorf("broker: %w", err)
	}
	s.SetLoggerV2(log, false, false, false)
	s.Start()
	if err := usable(s, log); err != nil {
		halt(s)
		return nil, fmt.Errorf("broker: %w", err)
	}
	return s, nil
}

func usable(s *server.Server, log *serverLog) error {
	// A server that cannot start only logs why and returns.
	if reason := log.fatal.Load(); reason != nil {
		return errors.New(*reason)
	}
	if !s.ReadyForConnections(readyTimeout) {
		return fmt.Errorf("not ready after %v", readyTimeout)
	}
	if js := s.JetStreamConfig(); js == nil || !js.SyncAlways {
		return ErrNotSynced
	}
	return nil
}
