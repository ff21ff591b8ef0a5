package orchestrator

import (
	"context"
	"slices"
	"time"

	"github.com/girohq/giro/outbox"
	"github.com/rs/zerolog"
)

// archiver archives the sagas that have ended long enough ago, and gives back the space that they took. Live work comes
// first: all writing goes through the loop in small parts, and between two parts the archiver rests for longer than the
// last one took.
type archiver struct {
	db   *outbox.DB
	keep time.Duration
	do   func(context.Context, *work) (outcome, error)
	now  func() time.Time
	told func(archived int)
	log  zerolog.Logger
}

const (
	archiveEvery  = time.Second
	archiveAtOnce = 256  // sagas in one transaction
	shrinkAtOnce  = 256  // pages given back in one transaction
	spareShare    = 10   // of the pages in use one in so many may lie free: new sagas take them
	duePage       = 1024 // sagas that are passed over at once
	restAfterPart = 2    // times as long as the part took: the loop has two thirds of the time for live work, at least
	restAfterLook = 20   // times as long as was looked in vain: old sagas that stay whole are not read all the time
)

// Run archives until the context ends.
func (a *archiver) Run(ctx context.Context) error {
	if a.keep == 0 {
		return nil
	}
	for {
		inVain, err := a.pass(ctx)
		if err != nil && ctx.Err() == nil {
			a.log.Warn().Err(err).Msg("archive of finished sagas; trying again")
		}
		if !pauseFor(ctx, max(archiveEvery, restAfterLook*inVain)) {
			return nil
		}
	}
}

// pass looks through all old sagas once, and then at the space. It returns how long it has looked in vain.
func (a *archiver) pass(ctx context.Context) (inVain time.Duration, err error) {
	until := a.now().Add(-a.keep).UnixMicro()
	for after := int64(0); ; {
		begun := time.Now()
		p, err := look(ctx, a.db.Read(), after, until)
		if inVain += time.Since(begun); err != nil {
			return inVain, err
		}
		for some := range slices.Chunk(p.due, archiveAtOnce) {
			begun, n := time.Now(), 0
			err := paced(ctx, func() (err error) {
				n, err = a.archive(ctx, some)
				return err
			})
			if n == 0 {
				inVain += time.Since(begun)
			}
			if err != nil {
				return inVain, err
			}
		}
		if after = p.after; after == 0 {
			return inVain, a.shrink(ctx)
		}
	}
}

// archive archives what it can of some sagas and returns how many that were.
func (a *archiver) archive(ctx context.Context, seqs []int64) (int, error) {
	all, err := remnants(ctx, a.db.Read(), seqs)
	if err != nil || len(all) == 0 {
		return 0, err
	}
	moved := 0
	_, err = a.do(ctx, &work{id: all[0].id, task: func(ctx context.Context, m *mover, tx outbox.Tx) (err error) {
		moved, err = m.archive(ctx, tx, all)
		return err
	}})
	if err != nil { // whoever gives up must not look at what the loop may still write
		return 0, err
	}
	a.told(moved)
	return moved, nil
}

// shrink gives back what lies free beyond a spare.
func (a *archiver) shrink(ctx context.Context) error {
	for shrunk := false; ; shrunk = true {
		s, err := a.db.Space(ctx)
		if err != nil || !s.Shrinks {
			return err
		}
		over := s.Free - (s.Pages-s.Free)/spareShare
		if over <= 0 && shrunk {
			return a.db.Checkpoint(ctx)
		}
		if over <= 0 {
			return nil
		}
		if err := paced(ctx, func() error { return a.db.Shrink(ctx, int(min(over, shrinkAtOnce))) }); err != nil {
			return err
		}
	}
}

// paced does a part and rests after it.
func paced(ctx context.Context, part func() error) error {
	begun := time.Now()
	if err := part(); err != nil {
		return err
	}
	pauseFor(ctx, restAfterPart*time.Since(begun))
	return ctx.Err()
}

// pauseFor waits, and returns false when the context has ended.
func pauseFor(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
