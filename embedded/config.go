package embedded

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strconv"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/rs/zerolog"
)

// NATSConfig says how the broker runs. Only Dir is required.
type NATSConfig struct {
	Dir           string         // holds the lock and the store, which is in Dir/jetstream; made if missing
	Listen        string         // host:port; port 0: any free one; empty: no port at all
	TLS           *tls.Config    // of the port
	Users         []User         // who may connect through the port; empty: everybody on this machine
	MaxStore      int64          // bytes on disk; 0: three quarters of what is free
	Canary        string         // name of the canary's stream; default SAGA_CANARY
	CanarySubject string         // its only subject; default saga.canary
	Log           zerolog.Logger // warnings and errors of the server too
}

// User may connect through the broker's port.
type User struct {
	Name        string
	Password    string              // plain, or a bcrypt hash
	Permissions *server.Permissions // nil: all
}

const (
	defaultCanary        = "SAGA_CANARY"
	defaultCanarySubject = "saga.canary"
)

// checked returns the config with its defaults, or says what is wrong with it.
func (c NATSConfig) checked() (NATSConfig, error) {
	if c.Dir == "" {
		return c, errors.New("embedded broker: Dir is required")
	}
	dir, err := filepath.Abs(c.Dir)
	if err != nil {
		return c, err
	}
	c.Dir = dir
	c.Canary = cmp.Or(c.Canary, defaultCanary)
	c.CanarySubject = cmp.Or(c.CanarySubject, defaultCanarySubject)
	if c.Listen == "" {
		return c, nil
	}
	host, _, err := c.address()
	if err != nil {
		return c, err
	}
	if !loopback(host) && (c.TLS == nil || len(c.Users) == 0) {
		return c, fmt.Errorf("listen on %s: %w", c.Listen, ErrExposed)
	}
	return c, nil
}

// address splits Listen. A host is required: an empty one would mean every interface.
func (c NATSConfig) address() (host string, port int, err error) {
	host, p, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return "", 0, fmt.Errorf("listen on %q: %w", c.Listen, err)
	}
	port, err = strconv.Atoi(p)
	if err != nil || port < 0 || port > 65535 {
		return "", 0, fmt.Errorf("listen on %q: the port is not a number from 0 to 65535", c.Listen)
	}
	if host == "" {
		host = "0.0.0.0"
	}
	return host, port, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
