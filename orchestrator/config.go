package orchestrator

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/races"
	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/trace"
)

// Config is what an orchestrator needs. DB and Conn are required; the zero value of everything
// else is sensible.
type Config struct {
	// DB is the orchestrator's own database, opened with [Migrations], and with Shrinks if it is to give space back.
	// The caller closes it after Run.
	DB *outbox.DB
	// Conn is the connection to NATS; it must reconnect for ever. The caller closes it after Run.
	Conn *nats.Conn
	// Prefix begins every subject and names the streams; default "saga".
	Prefix string
	// Adopt takes over streams that belong to another orchestrator store. Without it they are refused.
	Adopt bool
	// MaxOpen bounds the sagas that have not ended. Beyond it a start by request is refused as unavailable, and
	// one by message waits in its stream; children of sagas that are open begin nevertheless. Default 1,000,000.
	MaxOpen int
	// Keep is how long a finished saga stays whole. Then it is archived: its id, type and outcome stay, its steps and
	// its history go, and the space is given back. 0: for ever.
	Keep time.Duration
	// EventBytes is how much of the events stays in their stream to be read again, for 72 hours at most; the oldest
	// go first. The broker keeps some 300 bytes in memory for each. Default [DefaultEventBytes].
	EventBytes int64
	// Replicas is how many servers of a cluster keep each message, 1 to 5. Default: new streams have one, others
	// keep what they have.
	Replicas int
	// Log takes warnings and what an operator should know.
	Log zerolog.Logger
	// Races counts what the orchestrator prevents; default: counters of its own.
	Races *races.Counts
	// Tracer makes spans of sagas, commands and replies; nil: no tracing, and a start's traceparent is passed on.
	Tracer trace.TracerProvider
	// Now is the clock; default time.Now.
	Now func() time.Time
	// Jumped says that Now has jumped, so that what is due is looked at again; for tests in virtual
	// time. Without it a clock that was set is noticed within a minute.
	Jumped <-chan struct{}
}

func (c *Config) check() error {
	if c.DB == nil || c.Conn == nil {
		return errors.New("orchestrator: Config.DB and Config.Conn are required")
	}
	if c.MaxOpen < 0 {
		return errors.New("orchestrator: Config.MaxOpen is negative")
	}
	if c.Keep < 0 {
		return errors.New("orchestrator: Config.Keep is negative")
	}
	if c.Replicas < 0 || c.Replicas > MaxReplicas {
		return fmt.Errorf("orchestrator: Config.Replicas %d is not 0 to %d", c.Replicas, MaxReplicas)
	}
	if c.EventBytes < 0 || c.EventBytes > 0 && c.EventBytes < minEventBytes {
		return fmt.Errorf("orchestrator: Config.EventBytes %d is less than %d", c.EventBytes, minEventBytes)
	}
	c.EventBytes = cmp.Or(c.EventBytes, DefaultEventBytes)
	c.MaxOpen = cmp.Or(c.MaxOpen, DefaultMaxOpen)
	if c.Now == nil {
		c.Now = time.Now
	}
	return nil
}

// DefaultEventBytes are some 30,000 events, of 15,000 transfers.
const DefaultEventBytes = 32 << 20

// minEventBytes is room for a few of the largest.
const minEventBytes = 1 << 20

// MaxReplicas is the most that JetStream takes.
const MaxReplicas = 5

// The written bounds of the orchestrator.
const (
	queueLimit    = 8192             // work waiting for the loop; more starts are refused as unavailable
	announceLimit = 64               // committed batches waiting to be announced; then the loop waits
	maxWait       = 10 * time.Minute // longest Prefer: wait
	sweepEvery    = time.Second      // trimming of starts, events' watermark
	watchEvery    = 2 * time.Second  // look at the streams
)
