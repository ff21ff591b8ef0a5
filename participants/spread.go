package participants

import (
	"context"
	"errors"
	"hash/maphash"
	"sync"

	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/saga"
)

// Spread says which of a participant's writers applies a command.
type Spread int

const (
	// ByKey: the commands of one key are applied one after the other, in the order of the stream.
	ByKey Spread = iota
	// Any: whichever comes next. Commands of one key may then be applied at the same time, and out of
	// order; handlers must guard what they share. The barrier guards itself.
	Any
)

// spread is the participant's loops, one a writer.
type spread struct {
	how   Spread
	lane  func(c saga.Command) string
	loops []*outbox.Loop[*delivery]
	seed  maphash.Seed
	next  int // of the loops, for Any; only the reader's goroutine uses it
}

func newSpread(p *Participant, cfg Config) *spread {
	s := &spread{how: cfg.Spread, lane: cfg.Lane, seed: maphash.MakeSeed()}
	if s.lane == nil {
		s.lane = func(c saga.Command) string { return c.Key }
	}
	writers := cfg.Writers
	for range writers {
		s.loops = append(s.loops, outbox.NewLoop(p.db, newWorker(p), max(queueLength/writers, 1)))
	}
	return s
}

// submit hands a command to the writer that is to apply it. Without a key a command has an order with
// those of its saga only.
func (s *spread) submit(ctx context.Context, d *delivery) error {
	return s.loops[s.choose(d)].Submit(ctx, d)
}

func (s *spread) choose(d *delivery) int {
	if len(s.loops) == 1 {
		return 0
	}
	if s.how == Any {
		s.next = (s.next + 1) % len(s.loops)
		return s.next
	}
	key := s.lane(d.command)
	if key == "" {
		key = d.command.SagaID
	}
	return int(maphash.String(s.seed, key) % uint64(len(s.loops)))
}

// run works until ctx ends, or until one loop cannot go on: then the others end as well.
func (s *spread) run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	errs := make([]error, len(s.loops))
	var running sync.WaitGroup
	for i, loop := range s.loops {
		running.Go(func() {
			if errs[i] = loop.Run(ctx); errs[i] != nil {
				stop()
			}
		})
	}
	running.Wait()
	return errors.Join(errs...)
}

// stats are those of all loops.
func (s *spread) stats() outbox.BatchStats {
	var all outbox.BatchStats
	for _, loop := range s.loops {
		all.Add(loop.Stats())
	}
	return all
}
