package orchestrator

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/girohq/giro/internal/jet"
	"github.com/girohq/giro/internal/wire"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
)

// The bounds of what the streams keep. What can be made again has an age; a start has none, and
// is refused when its stream is full, never dropped. Why they are what they are: docs/adr/0018.
const (
	maxMessage    = 320 << 10 // a body of 256 KiB with its headers
	startsBytes   = 1 << 30
	remakeBytes   = 1 << 30 // of commands that are not answered and replies that are not committed: the others are trimmed
	remakeAge     = 24 * time.Hour
	eventsAge     = 72 * time.Hour
	deadBytes     = 1 << 30
	deadAge       = 90 * 24 * time.Hour
	ensureTimeout = 10 * time.Second

	// Windows in which the broker drops what was published twice: maps in its memory, which save bandwidth and
	// prove nothing. Commands and replies have an id for each sending, so only the client's own retries meet there.
	dedupWindow  = 2 * time.Second
	startsWindow = 2 * time.Minute
)

// streamConfigs describes the five streams as they must be, each on so many servers; 0: as it is. What is on several
// is in their Raft log, for which NATS has no persist_mode async, and which writes by itself what it may later.
func streamConfigs(n wire.Names, origin string, replicas int, eventBytes int64) []jetstream.StreamConfig {
	remade := jetstream.AsyncPersistMode
	if replicas > 1 {
		remade = jetstream.DefaultPersistMode
	}
	base := func(name, subject, role, description string) jetstream.StreamConfig {
		return jetstream.StreamConfig{
			Name: name, Subjects: []string{subject}, Description: description, Retention: jetstream.LimitsPolicy,
			Storage: jetstream.FileStorage, Discard: jetstream.DiscardOld, MaxMsgSize: maxMessage, AllowDirect: true, Duplicates: dedupWindow, Replicas: replicas,
			Metadata: map[string]string{wire.MetaOrigin: origin, wire.MetaRole: role},
		}
	}
	starts := base(n.Starts(), n.StartFilter(), "starts", "Starts of sagas, kept until committed")
	starts.Discard, starts.MaxBytes, starts.Duplicates = jetstream.DiscardNew, startsBytes, startsWindow
	commands := base(n.Commands(), n.Prefix()+".command.>", "commands", "Commands, sent until they are answered")
	commands.MaxAge, commands.MaxBytes, commands.PersistMode = remakeAge, remakeBytes, remade
	replies := base(n.Replies(), n.ReplyFilter(), "replies", "Replies of participants")
	replies.MaxAge, replies.MaxBytes, replies.PersistMode = remakeAge, remakeBytes, remade
	events := base(n.Events(), n.Prefix()+".event.>", "events", "Lifecycle events: hints, at least once")
	events.MaxAge, events.MaxBytes, events.PersistMode = eventsAge, eventBytes, remade
	dead := base(n.Dead(), n.DeadFilter(), "dead", "What could not be handled, and why")
	dead.MaxAge, dead.MaxBytes = deadAge, deadBytes
	return []jetstream.StreamConfig{starts, commands, replies, events, dead}
}

// streams keeps the orchestrator's streams in being. It alone creates, trims and deletes in them,
// one act at a time, so that an act meant for one incarnation cannot hit the next.
type streams struct {
	conn    *nats.Conn
	js      jetstream.JetStream
	names   wire.Names
	configs []jetstream.StreamConfig
	origin  string
	adopt   bool
	log     zerolog.Logger
	server  func() string // which server process the connection is to
	renewed func()        // the broker may have forgotten commands or replies

	poke chan struct{}

	mu           sync.Mutex
	incarnations map[string]string
	process      string // server's answer at the last look
	err          error
}

func newStreams(cfg Config, js jetstream.JetStream, n wire.Names, origin string, log zerolog.Logger, renewed func()) *streams {
	return &streams{
		conn: cfg.Conn, js: js, names: n, configs: streamConfigs(n, origin, cfg.Replicas, cfg.EventBytes), origin: origin, adopt: cfg.Adopt, log: log,
		server: cfg.Conn.ConnectedServerId, renewed: renewed,
		poke: make(chan struct{}, 1), incarnations: make(map[string]string), err: fmt.Errorf("streams: not looked at yet"),
	}
}

// wake asks for a look at the streams now: a publish has found none.
func (s *streams) wake() {
	select {
	case s.poke <- struct{}{}:
	default:
	}
}

// Run looks after the streams until the context ends.
func (s *streams) Run(ctx context.Context) error {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-s.poke:
		}
		if err := s.ensure(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn().Err(err).Msg("streams are not as they must be; trying again")
		}
	}
}

// ensure makes what is missing, mends what has drifted, and notices new incarnations.
func (s *streams) ensure(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	ctx, done := s.act(ctx)
	defer done()
	s.err = s.ensureAll(ctx)
	return s.err
}

// act bounds one act on the streams. It ends at once when the broker is gone: an answer that was lost
// with it would hold up everything else, and the health, for as long as the act may take.
func (s *streams) act(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, ensureTimeout)
	ctx, done := jet.WhileConnected(ctx, s.conn)
	return ctx, func() { done(); cancel() }
}

func (s *streams) ensureAll(ctx context.Context) error {
	ours, dark, err := s.survey(ctx)
	if err != nil {
		return err
	}
	if err := s.clear(ctx, ours, dark); err != nil {
		return err
	}
	before := maps.Clone(s.incarnations)
	var drifted []error // all at once, or a person would have to come back for each
	for _, cfg := range s.configs {
		info, change, err := jet.EnsureStream(ctx, s.js, cfg)
		switch {
		case errors.Is(err, jet.ErrStreamDrift):
			drifted = append(drifted, s.explain(err, cfg.Name))
			continue
		case err != nil:
			return err
		}
		if len(change.Updated) > 0 {
			s.log.Warn().Str("stream", cfg.Name).Strs("settings", change.Updated).Msg("stream had drifted; set back")
		}
		s.incarnations[cfg.Name] = jet.Incarnation(info)
	}
	s.noticeLoss(before)
	return errors.Join(drifted...)
}

// explain says what to do where a stream cannot be as it must. Starts and dead letters exist nowhere else.
func (s *streams) explain(err error, name string) error {
	if name == s.names.Starts() || name == s.names.Dead() {
		return err
	}
	return fmt.Errorf("%w; what this stream carries can be made again: delete it with nats stream rm %s, and it is made anew", err, name)
}

// noticeLoss has every unanswered command sent again when the broker may have forgotten some: a
// stream is new, or the server process is another one, which has lost what its predecessor had
// acknowledged but not yet written (commands and replies are on persist_mode async).
func (s *streams) noticeLoss(before map[string]string) {
	process := s.server()
	lost := s.process != "" && s.process != process
	for _, name := range []string{s.names.Commands(), s.names.Replies()} {
		lost = lost || before[name] != "" && before[name] != s.incarnations[name]
	}
	s.process = process
	if lost {
		s.log.Warn().Msg("the broker has started anew: every unanswered command is sent again")
		s.renewed()
	}
}

// checkOwner refuses streams of another store: two stores on one broker would answer each
// other's sagas. It says whether the stream is there and this store's.
func (s *streams) checkOwner(ctx context.Context, name string) (mine bool, err error) {
	stream, err := s.js.Stream(ctx, name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("stream %s: %w", name, err)
	}
	owner := stream.CachedInfo().Config.Metadata[wire.MetaOrigin]
	if owner == "" || owner == s.origin || s.adopt {
		return owner == s.origin, nil
	}
	return false, fmt.Errorf("stream %s belongs to store %s, this is store %s: %w; start with the data of that store, use another --prefix, or take over with --adopt",
		name, owner, s.origin, ErrForeignStreams)
}

// health says whether the streams were in order at the last look.
func (s *streams) health() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// trim drops what is within reach, all of which is done.
func (s *streams) trim(ctx context.Context, name string, to reach) error {
	return s.on(ctx, name, to.incarnation, func(ctx context.Context, st jetstream.Stream) error {
		return st.Purge(ctx, jetstream.WithPurgeSequence(to.seq+1))
	})
}

// dropStart deletes one start that has become a dead letter.
func (s *streams) dropStart(ctx context.Context, incarnation string, seq uint64) error {
	return s.on(ctx, s.names.Starts(), incarnation, func(ctx context.Context, st jetstream.Stream) error {
		return st.DeleteMsg(ctx, seq)
	})
}

// on acts on a stream, unless it is no longer the incarnation that the sequences were read from.
func (s *streams) on(ctx context.Context, name, incarnation string, act func(context.Context, jetstream.Stream) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	ctx, done := s.act(ctx)
	defer done()
	st, err := s.js.Stream(ctx, name)
	if err != nil {
		return fmt.Errorf("stream %s: %w", name, err)
	}
	if jet.Incarnation(st.CachedInfo()) != incarnation {
		return nil
	}
	return act(ctx, st)
}
