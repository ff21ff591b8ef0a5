package orchestrator

import (
	"context"
	"fmt"

	"github.com/girohq/giro/internal/jet"
	"github.com/girohq/giro/outbox"
)

// The marks of sent: how many sends lie between two of them, and how many are remembered.
const (
	sendsAPart = trimStep / 2
	maxMarks   = 256
)

// sent knows up to where commands are of no more use: they were answered, or stand further behind once more. It sets a
// mark now and then: so many sends had been begun when the stream had come so far.
type sent struct {
	streams *streams
	relay   *outbox.Relay
	stream  string
	done    reach
	last    sentMark   // that was set
	marks   []sentMark // that are ahead of done, in order
}

type sentMark struct {
	sends int64
	seq   uint64
}

// behind asks the broker only when there is a mark to set.
func (s *sent) behind(ctx context.Context) (reach, error) {
	all, spare := s.relay.Sent()
	if all >= s.last.sends+sendsAPart && len(s.marks) < maxMarks {
		if err := s.set(ctx); err != nil {
			return reach{}, err
		}
	}
	for len(s.marks) > 0 && s.marks[0].sends <= spare {
		s.done.seq = s.marks[0].seq
		s.marks = s.marks[1:]
	}
	return s.done, nil
}

// set asks how far the stream is first, and then how much was sent: no send that comes later lies before the mark.
func (s *sent) set(ctx context.Context) error {
	ctx, cancel := s.streams.act(ctx)
	defer cancel()
	stream, err := s.streams.js.Stream(ctx, s.stream)
	if err != nil {
		return fmt.Errorf("stream %s: %w", s.stream, err)
	}
	info := stream.CachedInfo()
	if incarnation := jet.Incarnation(info); incarnation != s.done.incarnation || info.State.LastSeq < s.last.seq {
		s.marks, s.done = nil, reach{incarnation: incarnation}
	}
	all, _ := s.relay.Sent()
	s.last = sentMark{all, info.State.LastSeq}
	s.marks = append(s.marks, s.last)
	return nil
}
