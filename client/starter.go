package client

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/saga"
	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"
)

const (
	// window bounds the starts that are in memory and out at once.
	window = 256
	// poll is how often the table is looked at when nobody says that there is something.
	poll = 250 * time.Millisecond
	// acceptance bounds the wait for one answer: a commit takes milliseconds, and the start is sent again.
	acceptance = 5 * time.Second
	// outage is a silence of the orchestrator after which its first word makes all starts due at once.
	outage = 5 * time.Second
)

// StarterConfig says which database a [Starter] sends from, and whom it tells of refusals.
type StarterConfig struct {
	Client *Client
	// DB is the caller's database: mattn/go-sqlite3 with _synchronous=FULL. Or Outbox: one that was
	// opened by [outbox.Open]. Exactly one is required.
	DB     *sql.DB
	Outbox *outbox.DB
	// Refused is called when the orchestrator refuses a start for good, in a transaction of the
	// database: what it writes and what becomes of the row commit together, once for each refusal. It
	// must use that transaction only. After an error or a panic nothing stands, and the start is sent
	// and the question put again, backing off. Nil: every refused start is parked.
	Refused func(ctx context.Context, tx Tx, r Refusal) (Verdict, error)
	// Forbidden is told that the broker does not let this user start sagas of a type: once when that is
	// found, with [ErrUnauthorized], and once with nil when one was accepted again. Their rows stay, one of
	// them is tried every five seconds, and other types are not held up. It must not block. Optional: it is
	// logged in any case.
	Forbidden func(sagaType string, err error)
	// Log takes warnings: refused starts, and what keeps the others from being sent.
	Log zerolog.Logger
}

// Starter sends what [StartTx] has written until an orchestrator has accepted it, which is until the
// saga is committed there. It needs no broker's promise: a start that is on its way anywhere is still
// in the caller's table. Any number of processes may run one on one database; then they send more than
// is needed, to the same effect.
type Starter struct {
	cfg     StarterConfig
	store   store
	relay   *outbox.Relay
	wake    chan struct{}
	answers chan answer
	flights sync.WaitGroup
	ctx     context.Context // of Run: ends the requests that are out

	forbidden forbidden

	heard  time.Time // when the orchestrator last answered; before that, when Run began
	failed bool      // a start was not answered since
}

// answer is what became of one request.
type answer struct {
	m    *outbox.Message
	err  error
	done func(error)
}

// NewStarter makes a starter. [Starter.Run] makes it work.
func NewStarter(cfg StarterConfig) (*Starter, error) {
	if cfg.Client == nil {
		return nil, errors.New("client: starter: a client is required")
	}
	table, err := newStore(cfg.Client.names, cfg.DB, cfg.Outbox)
	if err != nil {
		return nil, err
	}
	s := &Starter{cfg: cfg, store: table, wake: make(chan struct{}, 1), answers: make(chan answer, window), forbidden: forbidden{}}
	s.relay = outbox.NewRelay(outbox.RelayConfig{Table: table, Publisher: requests{s}})
	return s, nil
}

// Wake says that a transaction with a start has committed. It only saves the time until the table is
// looked at anyway, a quarter of a second.
func (s *Starter) Wake() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Run makes the table where it is missing and sends until ctx ends; then it returns nil. It may be killed
// at any instant. An error means that the database cannot be used (among them [ErrNotDurable]), or that
// the client's connection was closed. It runs once.
func (s *Starter) Run(ctx context.Context) error {
	if err := s.store.write(ctx, func(tx Tx) error { return Migrate(ctx, tx) }); err != nil {
		return fmt.Errorf("client: starter: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	s.ctx, s.heard = ctx, time.Now()
	relayed := make(chan error, 1)
	go func() { relayed <- s.relay.Run(ctx) }()
	err := s.work(ctx)
	cancel()
	err = errors.Join(err, <-relayed)
	s.flights.Wait()
	return err
}

func (s *Starter) work(ctx context.Context) error {
	back := s.cfg.Client.conn.StatusChanged(nats.CONNECTED)
	defer s.cfg.Client.conn.RemoveStatusListener(back)
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		if err := s.feed(ctx); err != nil && ctx.Err() == nil {
			s.cfg.Log.Warn().Err(err).Msg("starts cannot be read")
		}
		select {
		case <-ctx.Done():
			return nil
		case <-s.wake:
		case <-tick.C:
		case <-back:
			s.relay.Reset()
		case a := <-s.answers:
			if err := s.settle(ctx, s.gather(a)); err != nil {
				return err
			}
		}
	}
}

// feed gives the relay the oldest starts it does not have, up to the window.
func (s *Starter) feed(ctx context.Context) error {
	room := window - s.relay.Depth()
	if room <= 0 {
		return nil
	}
	keys, err := s.probes(ctx)
	if err != nil {
		return err
	}
	others, err := s.store.heads(ctx, s.forbidden, window)
	if err != nil {
		return err
	}
	keys = append(keys, others...)
	var put []outbox.Message
	for _, key := range keys {
		if _, known := s.relay.State(key); known || len(put) == room {
			continue
		}
		m, err := s.store.Read(ctx, key)
		switch {
		case errors.Is(err, outbox.ErrNoRow): // gone since
		case err != nil: // a row that somebody has spoilt must not hold up the others
			s.cfg.Log.Warn().Err(err).Str("seq", key).Msg("a start cannot be read")
		default:
			put = append(put, *m)
		}
	}
	s.relay.Committed(put, nil)
	return nil
}

// gather takes the answers that wait beside a, so that one commit serves all.
func (s *Starter) gather(a answer) []answer {
	batch := []answer{a}
	for len(batch) < window {
		select {
		case a := <-s.answers:
			batch = append(batch, a)
		default:
			return batch
		}
	}
	return batch
}

// settle writes down what was answered. Whatever cannot be written is sent again, and answered alike.
func (s *Starter) settle(ctx context.Context, batch []answer) error {
	var accepted []answer
	for _, a := range batch {
		problem, refused := refusal(a.err)
		switch {
		case a.err == nil:
			accepted = append(accepted, a)
		case refused:
			s.cfg.Log.Warn().Err(a.err).Strs("saga", a.m.Header[wire.HeaderID]).Msg("a start is refused")
			s.finish(s.settleRefused(context.WithoutCancel(ctx), a.m.Key, problem), a)
		case denial(a.err):
			s.forbid(a)
		case errors.Is(a.err, nats.ErrConnectionClosed):
			return fmt.Errorf("client: starter: %w", a.err)
		case retryAfter(a.err) > 0: // it is there, and has much to do
			s.heard = time.Now()
			a.done(later(a.err))
		default:
			s.failed = true
			a.done(a.err)
		}
	}
	if len(accepted) > 0 {
		s.finish(s.store.release(context.WithoutCancel(ctx), keysOf(accepted)), accepted...)
	}
	if len(accepted) > 0 {
		s.allow(accepted)
		s.answered()
	}
	return nil
}

// later says when a start that was turned away may be sent again, or up to half as long after that: those that were
// turned away together must not come back together.
func later(err error) error {
	told := retryAfter(err)
	return &outbox.Later{Err: err, After: told + rand.N(told/2)}
}

// finish tells the relay that rows are gone, or why not.
func (s *Starter) finish(err error, of ...answer) {
	if err != nil {
		s.cfg.Log.Warn().Err(err).Msg("what became of a start cannot be written")
	}
	for _, a := range of {
		a.done(err)
	}
	if err == nil {
		s.relay.Committed(nil, keysOf(of))
	}
}

// answered notes that the orchestrator is there. After an outage the others need not wait for the end
// of their backoff.
func (s *Starter) answered() {
	now := time.Now()
	if s.failed && now.Sub(s.heard) > outage {
		s.relay.Reset()
	}
	s.heard, s.failed = now, false
}

func keysOf(all []answer) []string {
	keys := make([]string, 0, len(all))
	for _, a := range all {
		keys = append(keys, a.m.Key)
	}
	return keys
}

// requests is the relay's way out: door 2.
type requests struct{ s *Starter }

// Publish implements [outbox.Publisher]. The relay has at most a window of rows, so as many are out.
func (r requests) Publish(m *outbox.Message, _ string, done func(error)) {
	r.s.flights.Go(func() {
		a := answer{m, r.s.cfg.Client.startOnce(r.s.ctx, m), done}
		select {
		case r.s.answers <- a:
		case <-r.s.ctx.Done():
			done(r.s.ctx.Err())
		}
	})
}

// startOnce sends a start once. No error: its saga is committed.
func (c *Client) startOnce(ctx context.Context, m *outbox.Message) error {
	data, err := c.exchange(ctx, &nats.Msg{Subject: m.Subject, Header: m.Header, Data: m.Body}, acceptance)
	if err != nil {
		return err
	}
	var doc saga.Document
	if err := json.Unmarshal(data, &doc); err != nil || doc.ID == "" {
		return fmt.Errorf("%w: the answer is no saga", ErrUnreachable)
	}
	return nil
}
