package ledger

import (
	"context"
	"errors"
	"time"

	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/participants"
	"github.com/rs/zerolog"
)

// sweepEvery is how late a release may be. Looking costs two reads of an index.
const sweepEvery = time.Second

// sweeper releases overdue holds from time to time, and tells of those that must stay.
type sweeper struct {
	db    participants.Database
	mover *Mover
	now   func() time.Time
	log   zerolog.Logger
	hold  holding       // nil: nothing is needed
	told  map[told]bool // overdue holds that were logged; each once while the process lives
}

// holding takes what a change of accounts needs besides its transaction: see [locking.hold].
type holding func(accounts []string) (values context.Context, busy map[string]error, leave func())

type told struct{ saga, step string }

// run sweeps at each tick until ctx ends. Its error says that the process must end.
func (s *sweeper) run(ctx context.Context, ticks <-chan time.Time) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticks:
			if err := s.sweep(ctx); err != nil {
				return err
			}
		}
	}
}

func (s *sweeper) sweep(ctx context.Context) error {
	released, overdue, err := sweep(ctx, s.db, s.mover, s.hold, s.now())
	if released > 0 {
		s.log.Info().Int("holds", released).Msg("overdue holds released")
	}
	switch {
	case errors.Is(err, outbox.ErrUnusable):
		return err
	case err == nil:
		s.tell(overdue)
	case ctx.Err() == nil:
		s.log.Warn().Err(err).Msg("sweep; tried again")
	}
	return nil
}

// tell logs what it has not told yet, and forgets what is overdue no more.
func (s *sweeper) tell(overdue []Hold) {
	before := s.told
	s.told = make(map[told]bool, len(overdue))
	for _, h := range overdue {
		key := told{h.Saga, h.Step}
		if s.told[key] = true; before[key] {
			continue
		}
		s.log.Warn().Str("saga", h.Saga).Str("step", h.Step).Str("account", h.Account).Int64("amount", h.Amount).
			Time("expired", h.Expires).Msg("hold is overdue and must stay until its saga ends")
	}
}
