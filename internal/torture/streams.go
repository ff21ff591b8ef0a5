package torture

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/girohq/giro/internal/wire"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// streamFaults strike through the broker's own API, as somebody with a nats command could.
var streamFaults = []Fault{
	{Name: "stream-deleted", Takes: 2 * time.Second, Sentence: "a stream is deleted under load", Strike: deleteStream},
	{Name: "stream-purged", Takes: 2 * time.Second, Sentence: "a stream is emptied under load", Strike: purgeStream},
	{Name: "consumer-deleted", Takes: 2 * time.Second, Sentence: "somebody's place in a stream is deleted under load", Strike: deleteConsumer},
	{Name: "repeated", Takes: 2 * time.Second, Sentence: "the last 300 commands and replies are sent once more, in another order", Strike: repeat},
}

// apiWithin bounds one act of a fault on the broker.
const apiWithin = 20 * time.Second

func (s *system) streams() []string { return streamsOf(s.names) }

func streamsOf(n wire.Names) []string {
	return []string{n.Starts(), n.Commands(), n.Replies(), n.Events(), n.Dead()}
}

// onStream does something to a drawn stream. The broker may be just coming back, so it tries for a while.
func (s *system) onStream(ctx context.Context, rng *rand.Rand, act func(context.Context, string) error) (string, error) {
	names := s.streams()
	name := names[rng.IntN(len(names))]
	return name, insist(ctx, func(ctx context.Context) error { return act(ctx, name) })
}

// insist repeats an act until it has succeeded or its time is over.
func insist(ctx context.Context, act func(context.Context) error) error {
	limited, cancel := context.WithTimeout(ctx, apiWithin)
	defer cancel()
	for {
		try, done := context.WithTimeout(limited, 2*time.Second)
		err := act(try)
		done()
		if err == nil || !rest(limited, 50*time.Millisecond) {
			return err
		}
	}
}

func deleteStream(ctx context.Context, s *system, rng *rand.Rand) (string, error) {
	return s.onStream(ctx, rng, s.js.DeleteStream)
}

func purgeStream(ctx context.Context, s *system, rng *rand.Rand) (string, error) {
	return s.onStream(ctx, rng, func(ctx context.Context, name string) error {
		stream, err := s.js.Stream(ctx, name)
		if err != nil {
			return err
		}
		return stream.Purge(ctx)
	})
}

func deleteConsumer(ctx context.Context, s *system, rng *rand.Rand) (detail string, err error) {
	err = insist(ctx, func(ctx context.Context) error {
		var all [][2]string
		for _, name := range s.streams() {
			stream, err := s.js.Stream(ctx, name)
			if err != nil {
				return err
			}
			consumers := stream.ConsumerNames(ctx)
			for c := range consumers.Name() {
				all = append(all, [2]string{name, c})
			}
			if err := consumers.Err(); err != nil {
				return err
			}
		}
		if len(all) == 0 {
			return errNotFired
		}
		one := all[rng.IntN(len(all))]
		detail = one[1] + " of " + one[0]
		return s.js.DeleteConsumer(ctx, one[0], one[1])
	})
	return detail, err
}

// repeat sends commands and replies again, without the id by which the broker would know them.
func repeat(ctx context.Context, s *system, rng *rand.Rand) (string, error) {
	const most = 300
	sent := 0
	err := insist(ctx, func(ctx context.Context) error {
		var old []*nats.Msg
		for _, name := range []string{s.names.Commands(), s.names.Replies()} {
			found, err := s.last(ctx, name, most/2)
			if err != nil {
				return err
			}
			old = append(old, found...)
		}
		rng.Shuffle(len(old), func(i, j int) { old[i], old[j] = old[j], old[i] })
		for _, m := range old {
			if err := s.conn.PublishMsg(m); err != nil {
				return err
			}
			sent++
		}
		if sent == 0 {
			return errNotFired
		}
		return s.conn.FlushWithContext(ctx)
	})
	return fmt.Sprintf("%d messages", sent), err
}

// last reads the last messages of a stream, without the broker's own headers.
func (s *system) last(ctx context.Context, name string, most uint64) ([]*nats.Msg, error) {
	stream, err := s.js.Stream(ctx, name)
	if err != nil {
		return nil, err
	}
	state := stream.CachedInfo().State
	next := max(state.FirstSeq, state.LastSeq-min(state.LastSeq, most)+1)
	var list []*nats.Msg
	err = s.each(ctx, name, ">", &next, func(_ jetstream.Stream, m *nats.Msg, _ uint64) error {
		list = append(list, m)
		return nil
	})
	return list, err
}

// each shows the messages of a stream from next on, without the broker's own headers, and moves next behind
// what was shown.
func (s *system) each(ctx context.Context, name, filter string, next *uint64, show func(jetstream.Stream, *nats.Msg, uint64) error) error {
	stream, err := s.js.Stream(ctx, name)
	if err != nil {
		return err
	}
	for {
		raw, err := stream.GetMsg(ctx, *next, jetstream.WithGetMsgSubject(filter))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		m := &nats.Msg{Subject: raw.Subject, Data: raw.Data, Header: nats.Header{}}
		for name, values := range raw.Header {
			if !strings.HasPrefix(name, "Nats-") {
				m.Header[name] = values
			}
		}
		if err := show(stream, m, raw.Sequence); err != nil {
			return err
		}
		*next = raw.Sequence + 1
	}
}
