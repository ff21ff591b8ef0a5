package participants

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/girohq/giro/internal/jet"
	"github.com/girohq/giro/internal/tracing"
	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/races"
	"github.com/girohq/giro/saga"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/trace"
)

const (
	defaultMaxPending = 4096
	queueLength       = 1024             // commands read ahead of the loop
	ackWait           = 10 * time.Second // until a command that was not answered comes again
	drainFor          = 2 * time.Second  // for the last replies to be stored when Run ends
)

// Config describes a participant. Name and DB must be set, and Conn for [Participant.Run].
type Config struct {
	Name   string     // an identifier; definitions name it
	DB     Database   // opened with [Open] or [OpenPostgres]; closed by who opened it, after Run
	Conn   *nats.Conn // closed by who opened it, after Run
	Prefix string     // of the subjects; empty: the default
	Log    zerolog.Logger
	// Now judges Saga-Deadline; default time.Now. A wrong clock costs completed sagas, not money.
	Now func() time.Time
	// MaxPending bounds the commands that are read and not acknowledged yet; default 4096.
	MaxPending int
	// Races counts what the barrier prevents; share it with what else the participant uses. Default: its own.
	Races *races.Counts
	// Writers is how many transactions apply commands at the same time; default: what DB has room for,
	// one on SQLite. More than that take turns.
	Writers int
	// Spread says which writer applies a command; default [ByKey].
	Spread Spread
	// Lane says what [ByKey] spreads by; default: the command's key.
	Lane func(c saga.Command) string
	// Enter, if set, takes before each transaction what its handlers need and may not wait for.
	Enter func(commands []saga.Command) Entry
	// Tracer makes a span of each command; nil: no tracing, and traceparents are passed on as they come.
	Tracer trace.TracerProvider
}

// Database is what a participant keeps its rows in.
type Database = outbox.Database

// Participant answers the commands of one name. Register its handlers, then call Run once.
type Participant struct {
	name  string
	names wire.Names
	db    Database
	conn  *nats.Conn
	log   zerolog.Logger
	now   func() time.Time
	enter func(commands []saga.Command) Entry

	forwards map[string]handler
	undos    map[string]handler
	mistakes []error // made in registering

	maxPending int
	ackWait    time.Duration
	faults     func(publisher) publisher // tests put them between participant and broker
	spread     *spread
	reader     atomic.Pointer[jet.Reader] // nil before Run
	publisher  publisher                  // set by Run
	unsettled  sync.WaitGroup             // publishes whose outcome is open
	sent       atomic.Int64               // replies made by this process, for their message ids
	counts     counters
	tracer     *tracing.Tracer
	races      *races.Counts
	since      time.Time // they have been counted

	session string                 // of this participant, until its process ends
	waiting atomic.Pointer[string] // why it does not serve
	told    string                 // of that, to a person
	serving chan struct{}          // closed when it may
	called  chan struct{}          // has room for one: an orchestrator has started
	ahead   int64                  // it has skipped to this commit number; 0: it has not
}

// publisher hands a message to the broker and calls done once, with nil when it is stored.
type publisher interface {
	PublishMsg(m *nats.Msg, done func(error))
}

// New checks the configuration. Nothing is read before Run.
func New(cfg Config) (*Participant, error) {
	if err := saga.CheckParticipant(cfg.Name); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	if cfg.DB == nil || cfg.MaxPending < 0 || cfg.Writers < 0 || cfg.Spread != ByKey && cfg.Spread != Any {
		return nil, fmt.Errorf("%w: %s needs a DB, MaxPending and Writers that are not negative, and ByKey or Any", ErrConfig, cfg.Name)
	}
	names, err := wire.New(cfg.Prefix)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	p := &Participant{
		name: cfg.Name, names: names, db: cfg.DB, conn: cfg.Conn, now: cfg.Now, enter: cfg.Enter,
		maxPending: cfg.MaxPending, ackWait: ackWait, faults: func(broker publisher) publisher { return broker },
		log:     cfg.Log.With().Str("participant", cfg.Name).Logger(),
		session: rand.Text(), serving: make(chan struct{}), called: make(chan struct{}, 1),
		forwards: map[string]handler{}, undos: map[string]handler{}, races: races.Or(cfg.Races), since: time.Now().UTC(), tracer: tracing.New(cfg.Tracer),
	}
	if p.now == nil {
		p.now = time.Now
	}
	if p.maxPending == 0 {
		p.maxPending = defaultMaxPending
	}
	if cfg.Writers == 0 {
		cfg.Writers = p.db.Writers()
	}
	p.sent.Store(firstReply())
	p.spread = newSpread(p, cfg)
	return p, nil
}

// Run answers commands until ctx ends, then works off what was read, and returns nil. It returns
// an error wrapping [ErrConfig] for mistakes in registering, and one wrapping
// [outbox.ErrUnusable] when the outcome of a commit is unknown: then the process must end.
func (p *Participant) Run(ctx context.Context) error {
	if len(p.mistakes) > 0 {
		return fmt.Errorf("%w: %s: %w", ErrConfig, p.name, errors.Join(p.mistakes...))
	}
	if p.conn == nil {
		return fmt.Errorf("%w: %s needs a Conn to run", ErrConfig, p.name)
	}
	// More than can be pending, so that a repeat of a command never finds the publisher full.
	broker, err := jet.NewPublisher(p.conn, 2*p.maxPending)
	if err != nil {
		return fmt.Errorf("participant %s: %w", p.name, err)
	}
	defer p.unsettled.Wait() // Close reports whatever is left
	defer broker.Close()
	p.publisher = p.faults(broker)
	service, err := p.announce()
	if err != nil {
		return fmt.Errorf("participant %s: %w", p.name, err)
	}
	defer p.retire(service)
	if err := p.work(ctx); err != nil {
		return fmt.Errorf("participant %s: %w", p.name, err)
	}
	return nil
}

// work runs reader and loops. The loops end after the reader, so what was read is answered.
func (p *Participant) work(ctx context.Context) error {
	reader, err := p.newReader()
	if err != nil {
		return err
	}
	p.reader.Store(reader)
	ctx, stopReader := context.WithCancel(ctx)
	defer stopReader()
	loopCtx, stopLoop := context.WithCancel(context.WithoutCancel(ctx))
	defer stopLoop()
	ended := make(chan error, 1)
	go func() {
		ended <- p.spread.run(loopCtx)
		stopReader()
	}()
	readErr := p.serve(ctx, reader)
	stopLoop()
	loopErr := <-ended
	p.settle()
	return errors.Join(loopErr, readErr)
}

// serve reads commands, once it is known that the database is the one that answered the commands before.
func (p *Participant) serve(ctx context.Context, reader *jet.Reader) error {
	if err := p.greet(ctx); err != nil { // ctx has ended
		return nil
	}
	close(p.serving)
	var calls sync.WaitGroup
	defer calls.Wait()
	calls.Go(func() { p.answerCalls(ctx) })
	return reader.Run(ctx)
}

// newReader reads with one durable for each incarnation of the stream.
func (p *Participant) newReader() (*jet.Reader, error) {
	stem := p.name + "_"
	return jet.NewReader(jet.ReaderConfig{
		Conn: p.conn, Stream: p.names.Commands(), Stem: stem, Prefetch: queueLength, Log: p.log, Deliver: p.receive,
		Consumer: func(incarnation string) jetstream.ConsumerConfig {
			return jetstream.ConsumerConfig{
				Durable:       stem + incarnation,
				Description:   "commands to participant " + p.name,
				FilterSubject: p.names.CommandFilter(p.name),
				AckPolicy:     jetstream.AckExplicitPolicy, // replies are not stored in order
				AckWait:       p.ackWait,
				MaxAckPending: p.maxPending,
			}
		},
	})
}

// Ready reports whether commands are being read.
func (p *Participant) Ready() bool {
	r := p.reader.Load()
	return r != nil && r.Ready()
}

// Apply does one command in a transaction of its own and returns the reply, as Run would give it,
// without the broker. It is for tests of handlers; an error is the database's.
func (p *Participant) Apply(ctx context.Context, c saga.Command, origin string) (saga.Reply, error) {
	d := &delivery{command: c, envelope: wire.Envelope{Origin: origin}}
	w := newWorker(p)
	defer w.Leave()
	if _, refused := w.admit([]*delivery{d}); len(refused) > 0 {
		return d.reply(), nil
	}
	err := p.db.Write(ctx, func(tx Tx) error {
		w.Begin()
		return w.Apply(tx, d)
	})
	if err != nil {
		return saga.Reply{}, fmt.Errorf("participant %s: %w", p.name, err)
	}
	return d.reply(), nil
}
