package standby

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/girohq/giro/coordination"
	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/outbox"
	"github.com/nats-io/nats.go/jetstream"
)

// Open opens what is led and returns what runs it and closes it again. The error while another process
// has the data is [outbox.ErrLocked]; then it is called again.
type Open func(context.Context) (run func(context.Context) error, err error)

// Candidate is one of the processes. Make it with [New], and [Candidate.Run] it once.
type Candidate struct {
	cfg   Config
	names wire.Names

	mu    sync.Mutex
	state wire.Candidacy

	// Of Run, and of the watch until that has ended.
	election *coordination.Election
	leading  *service // outlives its term while nobody else is elected
	unwatch  func()
	fail     context.CancelCauseFunc
}

// New checks the configuration. The candidate stands by.
func New(cfg Config) (*Candidate, error) {
	names, err := cfg.check()
	if err != nil {
		return nil, err
	}
	c := &Candidate{cfg: cfg, names: names, unwatch: func() {}}
	c.state = wire.Candidacy{Of: cfg.Of, Owner: owner(), Role: wire.RoleStandby}
	return c, nil
}

// Run stands for election until ctx ends, and leads whenever it is elected and has the data; then it ends
// what it leads and returns nil. An error is that of what was led, or says why it cannot be.
func (c *Candidate) Run(ctx context.Context, open Open) error {
	outer := ctx
	ctx, c.fail = context.WithCancelCause(ctx)
	defer c.fail(nil)
	stop, err := c.answer()
	if err != nil {
		return err
	}
	defer stop()
	if err := c.prepare(ctx); err != nil || ctx.Err() != nil {
		return err
	}
	c.cfg.Log.Info().Str("standby", c.cfg.Of).Str("owner", c.Candidacy().Owner).Msg("stands by")
	err = c.election.Run(ctx, func(term context.Context, t coordination.Token) error { return c.lead(ctx, term, t, open) })
	c.unwatch()
	err = errors.Join(err, c.end())
	if err == nil && outer.Err() == nil {
		err = context.Cause(ctx)
	}
	return err
}

// prepare finds out what the election is called, and makes its bucket when the broker is there.
func (c *Candidate) prepare(ctx context.Context) error {
	id, err := c.storeID(ctx)
	if err != nil {
		return err
	}
	js, err := jetstream.New(c.cfg.Conn)
	if err != nil {
		return err
	}
	for said := false; ; said = true {
		locks, err := coordination.OpenLocks(ctx, coordination.Config{
			JetStream: js, Bucket: c.names.Leaders(), TTL: c.cfg.TTL, Owner: c.Candidacy().Owner,
		})
		if err == nil {
			c.election, err = coordination.NewElection(locks, id)
			return err
		}
		if errors.Is(err, coordination.ErrInvalid) {
			return err
		}
		if !said && ctx.Err() == nil {
			c.cfg.Log.Warn().Err(err).Str("standby", c.cfg.Of).Msg("nobody is elected while the broker cannot be asked")
		}
		if pause(ctx, look) != nil {
			return nil
		}
	}
}

// storeID is the id of the store, which the first process makes.
func (c *Candidate) storeID(ctx context.Context) (string, error) {
	for {
		id, err := outbox.ReadStoreID(ctx, c.cfg.Path)
		if err == nil {
			return id, nil
		}
		if made := c.cfg.Create(ctx); made == nil {
			return outbox.ReadStoreID(ctx, c.cfg.Path)
		} else if !errors.Is(made, outbox.ErrLocked) {
			return "", made
		}
		if pause(ctx, look) != nil {
			return "", nil
		}
	}
}

// lead is one term.
func (c *Candidate) lead(ctx, term context.Context, t coordination.Token, open Open) error {
	c.unwatch()
	if c.leading == nil {
		run, err := c.open(term, t.Number, open)
		if err != nil {
			return err
		}
		c.leading = c.begin(ctx, run)
	}
	c.note(wire.Candidacy{Role: wire.RoleLeader, Term: t.Number})
	c.cfg.Log.Warn().Str("standby", c.cfg.Of).Uint64("term", t.Number).Msg("leads")
	<-term.Done()
	if ctx.Err() != nil {
		return c.end() // and only then gives up the term: the next finds the data free
	}
	c.note(wire.Candidacy{Role: wire.RoleLeader, Term: t.Number, Detail: "its term is over, and nobody else is elected"})
	c.cfg.Log.Warn().Err(context.Cause(term)).Str("standby", c.cfg.Of).Uint64("term", t.Number).
		Msg("its term is lost; it has the data, and leads on until another is elected")
	c.unwatch = c.watch(ctx)
	return term.Err()
}

// open waits until the process that has the data is gone.
func (c *Candidate) open(term context.Context, number uint64, open Open) (func(context.Context) error, error) {
	for said := false; ; said = true {
		run, err := open(term)
		if !errors.Is(err, outbox.ErrLocked) {
			return run, err
		}
		if !said {
			c.note(wire.Candidacy{Role: wire.RoleElected, Term: number, Detail: "waits: " + err.Error()})
			c.cfg.Log.Warn().Err(err).Str("standby", c.cfg.Of).Uint64("term", number).
				Msg("elected, and waits: a process that is not gone has the data")
		}
		if err := pause(term, look); err != nil {
			c.note(wire.Candidacy{Role: wire.RoleStandby})
			return nil, err
		}
	}
}

// watch ends what is led without a term as soon as another is elected.
func (c *Candidate) watch(ctx context.Context) (unwatch func()) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for pause(ctx, look) == nil {
			leader, elected, err := c.election.Leader(ctx)
			if err == nil && elected && leader != c.Candidacy().Owner {
				c.yield(leader)
				return
			}
		}
	}()
	return func() { cancel(); <-ended }
}

func (c *Candidate) yield(to string) {
	c.cfg.Log.Warn().Str("standby", c.cfg.Of).Str("leader", to).Msg("another is elected: ends, and stands by")
	c.note(wire.Candidacy{Role: wire.RoleStandby, Detail: "ends what it led"}) // before the other can have the data
	if err := c.end(); err != nil {
		c.fail(fmt.Errorf("%s: %w", c.cfg.Of, err))
	}
	c.note(wire.Candidacy{Role: wire.RoleStandby})
}

// pause waits for d, or for the end of ctx, which is its error.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
