package standby

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/girohq/giro/internal/wire"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"
	"github.com/rs/zerolog"
)

// Config says what is led, and over which broker it is elected.
type Config struct {
	// Conn carries the election; it must reconnect for ever. The caller closes it after Run.
	Conn   *nats.Conn
	Prefix string // of the subjects; empty: the default
	// Of is what is led, for people: "orchestrator", "bank YZ".
	Of string
	// Path is the database that the processes share: on one machine, or on a file system whose locks hold
	// between machines.
	Path string
	// Create makes the database where there is none yet. The error of one that another process has is
	// [outbox.ErrLocked].
	Create func(context.Context) error
	// TTL is how long a leader that has died is waited for; whole seconds, default 5 s.
	TTL time.Duration
	Log zerolog.Logger
}

const (
	defaultTTL = 5 * time.Second
	// look is how often what cannot be awaited is looked at: a file lock, a broker, another leader.
	look = time.Second
)

func (c *Config) check() (wire.Names, error) {
	if c.Conn == nil || c.Of == "" || c.Path == "" || c.Create == nil {
		return wire.Names{}, errors.New("standby: Config needs Conn, Of, Path and Create")
	}
	c.TTL = cmp.Or(c.TTL, defaultTTL)
	return wire.New(c.Prefix)
}

// owner names this candidate. Two containers may agree on host and process id, so it ends at random: a
// candidate must never take another for itself.
func owner() string {
	host, _ := os.Hostname() // for people: without one the rest must do
	id := nuid.Next()
	return fmt.Sprintf("%s/%d/%s", host, os.Getpid(), id[len(id)-4:])
}
