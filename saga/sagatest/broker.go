package sagatest

import (
	"time"

	"github.com/girohq/giro/saga"
)

const (
	latency     = time.Millisecond // of one message over the network
	ackWait     = 30 * time.Second // until an unacknowledged message is delivered again
	dedupWindow = 2 * time.Minute  // in which the broker drops a message id it has seen
	oldCopySize = 64               // messages of a stream that come back with an old copy
)

// message is what the broker carries: a start, a command or a reply.
type message struct {
	id      string // Nats-Msg-Id
	start   *start
	command saga.Command
	origin  string
	reply   saga.Reply
	acked   bool
	gone    bool // from the store: cut or wiped
}

// broker stores messages in streams and delivers them at least once, as long as it has them.
type broker struct {
	clock   *clock
	dice    *dice
	streams []*stream
	down    bool
}

// stream is one consumer's stream.
type stream struct {
	broker  *broker
	stored  []*message // not acknowledged, oldest first; some may be since
	acks    int        // among stored
	old     []*message // acknowledged, the latest few
	seen    map[string]time.Duration
	deliver func(*message) // the consumer; drops what it cannot take now
}

func (b *broker) stream(deliver func(*message)) *stream {
	s := &stream{broker: b, deliver: deliver, seen: map[string]time.Duration{}}
	b.streams = append(b.streams, s)
	return s
}

// publish hands a message to the stream; done is called if a PubAck comes back, once.
func (s *stream) publish(m *message, done func()) {
	b := s.broker
	if b.dice.strikes(Loss) {
		return
	}
	b.clock.after(s.transit(), func() {
		if b.down {
			return
		}
		s.store(m)
		if !b.dice.strikes(AckLoss) {
			b.clock.after(latency, done)
		}
	})
}

func (s *stream) transit() time.Duration {
	if s.broker.dice.strikes(Delay) {
		return s.broker.dice.Scale(latency, 10*time.Minute)
	}
	return latency
}

func (s *stream) store(m *message) {
	now := s.broker.clock.now
	if at, seen := s.seen[m.id]; seen && now-at < dedupWindow {
		return
	}
	s.seen[m.id] = now
	copied := *m
	s.stored = append(s.stored, &copied)
	s.send(&copied, s.transit())
	if s.broker.dice.strikes(Repeat) {
		again := copied
		s.broker.clock.after(s.broker.dice.Scale(latency, 20*time.Minute), func() { s.deliver(&again) })
	}
}

// send delivers a message after a while, and again until it is acknowledged.
func (s *stream) send(m *message, after time.Duration) {
	s.broker.clock.after(after, func() {
		if m.acked || m.gone {
			return
		}
		if !s.broker.down {
			s.deliver(m)
		}
		s.send(m, ackWait)
	})
}

// ack takes a message out of the stream.
func (s *stream) ack(m *message) {
	if m.acked || m.gone || s.broker.down {
		return
	}
	m.acked = true
	if s.old = append(s.old, m); len(s.old) > 2*oldCopySize {
		s.old = append(s.old[:0], s.old[oldCopySize:]...)
	}
	if s.acks++; s.acks > 32+len(s.stored)/2 {
		s.compact()
	}
}

func (s *stream) compact() {
	kept := s.stored[:0]
	for _, m := range s.stored {
		if !m.acked && !m.gone {
			kept = append(kept, m)
		}
	}
	clear(s.stored[len(kept):])
	s.stored, s.acks = kept, 0
}

// redeliver sends everything unacknowledged again, as to a consumer that has come back.
func (s *stream) redeliver() {
	s.compact()
	for _, m := range s.stored {
		again := m
		s.broker.clock.after(s.transit(), func() {
			if !again.acked && !again.gone && !s.broker.down {
				s.deliver(again)
			}
		})
	}
}

// cut loses the latest messages of every stream; all of them if n is negative.
func (b *broker) cut(n int) {
	for _, s := range b.streams {
		s.compact()
		from := 0
		if n >= 0 {
			from = max(0, len(s.stored)-n)
		}
		for _, m := range s.stored[from:] {
			m.gone = true
		}
		s.stored = s.stored[:from]
		if n < 0 {
			s.old = nil
		}
		clear(s.seen)
	}
}

// forget restarts the broker without its memory of message ids.
func (b *broker) forget() {
	for _, s := range b.streams {
		clear(s.seen)
		s.redeliver()
	}
}

// restore brings acknowledged messages back.
func (b *broker) restore() {
	for _, s := range b.streams {
		old := s.old
		s.old = nil
		for _, m := range old {
			again := *m
			again.acked = false
			s.stored = append(s.stored, &again)
			s.send(&again, s.transit())
		}
	}
}

// outage takes the broker away for a while.
func (b *broker) outage(d time.Duration) {
	b.down = true
	b.clock.after(d, func() { b.down = false })
}
