package orchestrator

import (
	"context"
	"time"

	"github.com/rs/zerolog"
)

const (
	keepDone = 5000 // commands that nobody waits for, and committed replies, that stay in their streams
	trimStep = 1000 // messages trimmed at once, at least: their stream stands still for some 3 microseconds each
)

// trimmer drops from a stream what was committed, now and then, all but the latest. The broker keeps an entry for each
// subject in memory, and nearly every message has one of its own: what is of no more use would cost it more with every
// saga (docs/adr/0018).
type trimmer struct {
	stream  string
	keep    uint64 // for people to look at
	behind  func(context.Context) (reach, error)
	streams *streams
	log     zerolog.Logger
}

// reach says that everything up to a place of an incarnation of a stream is done.
type reach struct {
	incarnation string
	seq         uint64
}

// trimmers are those of the streams that grow with every saga, but for the events: who reads those is not known here.
func (o *Orchestrator) trimmers() []trimmer {
	commands := &sent{streams: o.streams, relay: o.relay, stream: o.names.Commands()}
	return []trimmer{
		{o.names.Starts(), keepStarts, o.starts.behind, o.streams, o.cfg.Log},
		{o.names.Commands(), keepDone, commands.behind, o.streams, o.cfg.Log},
		{o.names.Replies(), keepDone, o.replies.behind, o.streams, o.cfg.Log},
	}
}

// run trims until the context ends.
func (t trimmer) run(ctx context.Context) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	var cut reach
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		var err error
		if cut, err = t.trim(ctx, cut); err != nil && ctx.Err() == nil {
			t.log.Warn().Err(err).Str("stream", t.stream).Msg("trim; trying again")
		}
	}
}

// trim returns how far the stream is trimmed now.
func (t trimmer) trim(ctx context.Context, cut reach) (reach, error) {
	m, err := t.behind(ctx)
	if err != nil {
		return cut, err
	}
	if m.incarnation != cut.incarnation || m.seq < cut.seq {
		cut = reach{incarnation: m.incarnation}
	}
	if m.seq < cut.seq+t.keep+trimStep {
		return cut, nil
	}
	m.seq -= t.keep
	if err := t.streams.trim(ctx, t.stream, m); err != nil {
		return cut, err
	}
	return m, nil
}
