package orchestrator

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/girohq/giro/internal/jet"
	"github.com/girohq/giro/internal/tracing"
	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/races"
	"github.com/girohq/giro/saga"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"
)

// Orchestrator drives the sagas of one store. Make it with [New], then [Orchestrator.Run] it once.
type Orchestrator struct {
	cfg   Config
	names wire.Names

	registry  *registry
	members   *members
	older     *olderCopy
	query     *Query
	loop      *outbox.Loop[*work]
	relay     *outbox.Relay
	publisher *jet.Publisher
	streams   *streams
	starts    *starts
	replies   *replies
	announcer *announcer
	waiters   *waiters
	followers *followers
	timers    *timers
	room      *room
	archiver  *archiver

	resumed  chan struct{} // has room for one: a pause is over
	checks   map[string]Check
	races    *races.Counts
	since    time.Time // they have been counted
	metrics  *metrics
	dead     *deadLetters
	wasReady atomic.Bool
	stopping context.Context // of Run: what is submitted from callbacks gives up with it
}

// New checks the configuration, loads the definitions and stores the built-in ones. It does not
// talk to the broker; [Orchestrator.Run] does.
func New(ctx context.Context, cfg Config) (*Orchestrator, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	names, err := wire.New(cfg.Prefix)
	if err != nil {
		return nil, fmt.Errorf("orchestrator: %w", err)
	}
	o := &Orchestrator{cfg: cfg, names: names, waiters: newWaiters(), followers: newFollowers(), resumed: make(chan struct{}, 1), checks: make(map[string]Check),
		races: races.Or(cfg.Races), since: time.Now().UTC(), metrics: newMetrics()}
	if err := o.storeBuiltIns(ctx); err != nil {
		return nil, fmt.Errorf("orchestrator: %w", err)
	}
	if o.query, err = OpenQuery(ctx, cfg.DB.Read()); err != nil {
		return nil, fmt.Errorf("orchestrator: %w", err)
	}
	o.registry = o.query.registry
	if o.members, err = openMembers(ctx, cfg.DB.Read()); err != nil {
		return nil, fmt.Errorf("orchestrator: %w", err)
	}
	if o.older, err = openCopy(ctx, cfg.DB.Read()); err != nil {
		return nil, fmt.Errorf("orchestrator: %w", err)
	}
	if err := o.assemble(ctx); err != nil {
		return nil, fmt.Errorf("orchestrator: %w", err)
	}
	return o, nil
}

func (o *Orchestrator) storeBuiltIns(ctx context.Context) error {
	return o.cfg.DB.Write(ctx, func(tx outbox.Tx) error {
		_, err := insertDefinition(ctx, tx, saga.Transfer(), o.clock())
		return err
	})
}

// assemble makes the parts and joins them.
func (o *Orchestrator) assemble(ctx context.Context) error {
	origin, log := o.cfg.DB.StoreID(), o.cfg.Log
	js, err := jetstream.New(o.cfg.Conn)
	if err != nil {
		return err
	}
	if o.publisher, err = jet.NewPublisher(o.cfg.Conn, 4*queueLimit); err != nil {
		return err
	}
	published, err := loadMark(ctx, o.cfg.DB.Read())
	if err != nil {
		return err
	}
	o.dead = &deadLetters{js: js, names: o.names}
	o.streams = newStreams(o.cfg, js, o.names, origin, log, func() { o.relay.Reset() })
	open, err := o.query.countOpen()
	if err != nil {
		return err
	}
	o.room = newRoom(o.cfg.MaxOpen, open.sum())
	o.loop = outbox.NewLoop(o.cfg.DB, &mover{
		names: o.names, origin: origin, registry: o.registry, cache: newCache(cacheBytes), now: o.cfg.Now,
		pauses: o.query.pauses, members: o.members, older: o.older, park: func(group string) { o.relay.Hold(group) }, resumed: o.tellResumed, unhold: func(group string) { o.relay.Lift(group) }, rearm: func() { o.timers.arm([]time.Time{o.clock()}) },
		after: o.committed, failed: o.failed, races: o.races, tracer: tracing.New(o.cfg.Tracer), inMemory: &o.metrics.inMemory, room: o.room,
	}, queueLimit)
	o.announcer = &announcer{
		names: o.names, origin: origin, registry: o.registry, pauses: o.query.pauses, publisher: o.publisher, limit: o.cfg.Conn.MaxPayload, waiters: o.waiters, followers: o.followers,
		db: o.cfg.DB, log: log, batches: make(chan announcement, announceLimit), metrics: o.metrics, published: newMark(published),
	}
	if o.starts, err = newStarts(o.cfg.Conn, &starts{
		names: o.names, registry: o.registry, streams: o.streams, dead: o.dead, submit: o.loop.Submit, room: o.room, log: log,
	}); err != nil {
		return err
	}
	if o.replies, err = newReplies(o.cfg.Conn, &replies{
		names: o.names, origin: origin, streams: o.streams, dead: o.dead, submit: o.loop.Submit, now: o.cfg.Now, log: log, began: o.streams.wake,
	}); err != nil {
		return err
	}
	o.relay = outbox.NewRelay(outbox.RelayConfig{
		DB: o.cfg.DB, Publisher: waking{o.publisher, o.streams}, AttemptHeader: wire.HeaderAttempt, Expired: o.expired, Gate: o.replies.gate,
		Lane:     o.names.Lane,
		Receiver: o.receiver,
		Groups:   func(m *outbox.Message) []string { return groups(o.names, m) },
	})
	o.holdPaused()
	o.timers = &timers{
		db: o.cfg.DB.Read(), gate: o.replies.gate, stopped: o.older.refuse, submit: o.loop.Submit, now: o.cfg.Now, log: log, armed: make(chan struct{}, 1), jumped: o.cfg.Jumped,
		ticks: &ticks{db: o.cfg.DB.Read(), do: o.do, now: o.cfg.Now},
	}
	o.archiver = &archiver{db: o.cfg.DB, keep: o.cfg.Keep, do: o.do, now: o.cfg.Now, log: log,
		told: func(archived int) { o.metrics.archived.Add(float64(archived)) }}
	o.addOwnChecks()
	return nil
}

func (o *Orchestrator) addOwnChecks() {
	o.AddCheck("nats", func() error {
		if !o.cfg.Conn.IsConnected() {
			return fmt.Errorf("not connected to NATS: %s", o.cfg.Conn.Status())
		}
		return nil
	})
	o.AddCheck("streams", o.streams.health)
	o.AddCheck("starts", func() error { return ready(o.starts.reader.Ready(), "starts are not read") })
	o.AddCheck("participants", o.members.health)
	o.AddCheck("copy", o.older.health)
	o.AddCheck("replies", func() error { return ready(o.replies.reader.Ready(), "replies are not read") })
}

func ready(ok bool, otherwise string) error {
	if ok {
		return nil
	}
	return errors.New(otherwise)
}

// Run drives sagas until the context ends, then drains: what was committed is announced, and Run
// returns nil. It returns an error when it cannot go on: [ErrForeignStreams] at the start, or a
// database whose last commit has an unknown outcome.
//
// What comes by [Orchestrator.Start] and [Orchestrator.Call] is accepted from the start, whether
// the broker is there or not.
func (o *Orchestrator) Run(ctx context.Context) error {
	defer o.publisher.Close()
	intake, ctx := errgroup.WithContext(ctx)
	o.stopping = ctx
	machinery, stopMachinery := o.runMachinery(ctx, intake)
	intake.Go(func() error { return o.runWithBroker(ctx, intake) })
	err := intake.Wait()
	stopMachinery()
	return errors.Join(err, machinery.Wait())
}

// runWithBroker starts what needs the broker, once the streams are there and are ours. Only then are
// events announced: first those that were committed before.
func (o *Orchestrator) runWithBroker(ctx context.Context, intake *errgroup.Group) error {
	if err := o.Prepare(ctx); err != nil {
		return ignoreEnd(ctx, err)
	}
	o.announcer.prepared.Store(true)
	if err := o.announcer.republish(ctx); err != nil {
		return ignoreEnd(ctx, err)
	}
	service, err := o.serve(ctx)
	if err != nil {
		return err
	}
	for _, run := range []func(context.Context) error{o.streams.Run, o.starts.Run, o.replies.Run, o.announcer.Sweep, o.resumeAll, o.measure} {
		intake.Go(func() error { return run(ctx) })
	}
	if err := o.muster(ctx); err != nil { // before anything is sent
		return errors.Join(err, service.Stop())
	}
	for _, run := range []func(context.Context) error{o.timers.Run, o.relay.Run, o.archiver.Run} {
		intake.Go(func() error { return ignoreEnd(ctx, run(ctx)) })
	}
	for _, t := range o.trimmers() {
		intake.Go(func() error { return t.run(ctx) })
	}
	<-ctx.Done()
	return service.Stop()
}

// runMachinery starts the loop and the announcer, which outlive everything that feeds them.
func (o *Orchestrator) runMachinery(ctx context.Context, intake *errgroup.Group) (*errgroup.Group, context.CancelFunc) {
	own, stop := context.WithCancel(context.WithoutCancel(ctx))
	announcing, stopAnnouncing := context.WithCancel(context.WithoutCancel(ctx))
	machinery := &errgroup.Group{}
	failed := make(chan error, 1)
	machinery.Go(func() error {
		defer stopAnnouncing()
		err := o.loop.Run(own)
		failed <- err
		return err
	})
	machinery.Go(func() error { return o.announcer.Run(announcing) })
	intake.Go(func() error { // a loop that cannot go on ends everything
		select {
		case err := <-failed:
			return err
		case <-ctx.Done():
			return nil
		}
	})
	return machinery, stop
}

// Prepare makes the streams; Run does it before anything else. While the broker is away it tries
// again until the context ends; [ErrForeignStreams] is final.
func (o *Orchestrator) Prepare(ctx context.Context) error {
	for {
		err := o.streams.ensure(ctx)
		if err == nil || errors.Is(err, ErrForeignStreams) || errors.Is(err, jet.ErrStreamDrift) {
			return err
		}
		o.cfg.Log.Warn().Err(err).Msg("waiting for the broker")
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(watchEvery / 4):
		}
	}
}

func ignoreEnd(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// committed acts on a batch that is now true: commands out first, since sagas wait for them.
func (o *Orchestrator) committed(b *batch, items []*work) {
	o.relay.Committed(b.commands, b.released)
	o.replies.done(items)
	o.sayStale(items)
	o.timers.arm(b.timers)
	o.announcer.batches <- announcement{b, slices.Clone(items)} // the loop uses its slice again
}

func (o *Orchestrator) failed(w *work, err error) {
	o.cfg.Log.Error().Err(err).Str("saga", w.id).Msg("could not be committed")
	if w.reply > 0 {
		o.replies.refused(w)
	}
}

// expired turns an attempt that met silence into an event.
func (o *Orchestrator) expired(op string, attempt int) {
	id, step, direction, ok := saga.ParseOp(op)
	if !ok {
		return
	}
	w := &work{id: id, event: saga.TimedOut{At: o.clock(), Step: step, Direction: direction, Attempt: attempt}}
	if err := o.loop.Submit(o.stopping, w); err != nil && o.stopping.Err() == nil {
		o.cfg.Log.Error().Err(err).Str("saga", id).Msg("a timeout was not taken; it fires again after a restart")
	}
}

// measure watches the queues before the participants.
func (o *Orchestrator) measure(ctx context.Context) error {
	return o.room.Run(ctx, o.loop.Stats, o.relay.Queues)
}

// receiver is the participant that a command's subject goes to.
func (o *Orchestrator) receiver(subject string) string {
	participant, _, _, _ := o.names.ParseCommand(subject)
	return participant
}

// waking looks at the streams as soon as a command finds none.
type waking struct {
	*jet.Publisher
	streams *streams
}

func (w waking) Publish(m *outbox.Message, msgID string, done func(error)) {
	w.Publisher.Publish(m, msgID, func(err error) {
		if errors.Is(err, jet.ErrNoStream) {
			w.streams.wake()
		}
		done(err)
	})
}
