package orchestrator

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/girohq/giro/internal/jet"
	"github.com/girohq/giro/internal/wire"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
)

// keepStarts is how many committed starts stay in the stream, for people to look at.
const keepStarts = 1000

// starts reads the starts that clients publish (door 1). It takes no acknowledgements: it reads
// from the first message after each reconnect, since repeats are harmless and nothing that the
// broker remembers of acknowledgements can be trusted after a crash.
type starts struct {
	names    wire.Names
	registry *registry
	streams  *streams
	dead     *deadLetters
	submit   func(context.Context, *work) error
	room     *room
	log      zerolog.Logger
	reader   *jet.Reader

	ctx context.Context // of Run

	mu    sync.Mutex
	epoch jet.Epoch
	open  []*pendingStart // in stream order, those behind the first that is not done
	done  uint64          // every start up to this sequence is committed or a dead letter
}

// pendingStart is a start that was read and is not done yet.
type pendingStart struct {
	seq  uint64
	done bool
}

func newStarts(nc *nats.Conn, s *starts) (*starts, error) {
	var err error
	s.reader, err = jet.NewReader(jet.ReaderConfig{
		Conn: nc, Stream: s.names.Starts(), Deliver: s.deliver, Epoch: s.begin, Log: s.log,
		Consumer: func(string) jetstream.ConsumerConfig {
			return jetstream.ConsumerConfig{
				Description: "the orchestrator reads starts from the first one at each connect", AckPolicy: jetstream.AckNonePolicy,
				DeliverPolicy: jetstream.DeliverAllPolicy, InactiveThreshold: time.Minute, MemoryStorage: true,
			}
		},
	})
	return s, err
}

// Run reads until the context ends.
func (s *starts) Run(ctx context.Context) error {
	s.ctx = ctx
	return s.reader.Run(ctx)
}

func (s *starts) begin(e jet.Epoch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.epoch, s.open, s.done = e, nil, 0
}

// behind is how far everything is done.
func (s *starts) behind(context.Context) (reach, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return reach{s.epoch.Incarnation, s.done}, nil
}

func (s *starts) deliver(m jet.Msg) {
	p := &pendingStart{seq: m.Seq}
	s.mu.Lock()
	s.open = append(s.open, p)
	s.mu.Unlock()
	sagaType, id, ok := s.names.ParseStart(m.Subject)
	if !ok {
		s.refuse(m, p, wire.Invalid(fmt.Errorf("subject %s is not %s.start.<type>.<id>", m.Subject, s.names.Prefix())))
		return
	}
	b, err := s.registry.check(startRequestOf(sagaType, id, m.Data, nats.Header(m.Header)))
	if err != nil {
		s.refuse(m, p, err)
		return
	}
	w := &work{id: id, begin: b, done: func(out outcome) { s.accepted(m, p, out.err) }}
	if err := s.room.wait(s.ctx); err != nil {
		return // it is stopping
	}
	if err := s.submit(s.ctx, w); err != nil && s.ctx.Err() == nil {
		s.log.Error().Err(err).Msg("a start was not taken; it is read again")
	}
}

// accepted ends a start that the loop has looked at: committed, refused, or to be read again.
func (s *starts) accepted(m jet.Msg, p *pendingStart, err error) {
	var problem *wire.Problem
	switch {
	case err == nil:
		s.finished(m.Epoch, p)
	case errors.As(err, &problem):
		s.refuse(m, p, problem)
	default:
		s.log.Error().Err(err).Str("subject", m.Subject).Msg("a start could not be committed; it is read again after the next connect")
	}
}

// refuse makes a dead letter of a start, and takes it out of the stream only when that is safe on disk.
func (s *starts) refuse(m jet.Msg, p *pendingStart, problem error) {
	code := wire.CodeInvalid
	var known *wire.Problem
	if errors.As(problem, &known) {
		code = known.Code
	}
	err := s.dead.publish(s.ctx, wire.DeadStart, m, code, problem)
	if err == nil {
		s.mu.Lock()
		incarnation, same := s.epoch.Incarnation, s.epoch.Number == m.Epoch
		s.mu.Unlock()
		if same {
			err = s.streams.dropStart(s.ctx, incarnation, m.Seq)
		}
	}
	if err != nil && s.ctx.Err() == nil {
		s.log.Warn().Err(err).Msg("a refused start stays in its stream and is refused again")
		return
	}
	s.finished(m.Epoch, p)
}

// finished moves the mark behind which everything is done.
func (s *starts) finished(epoch uint64, p *pendingStart) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.done = true
	if epoch != s.epoch.Number {
		return
	}
	n := 0
	for n < len(s.open) && s.open[n].done {
		s.done = s.open[n].seq
		n++
	}
	s.open = s.open[n:]
}
