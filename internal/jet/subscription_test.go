package jet_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/girohq/giro/internal/jet"
)

// The stream is replaced just before the consumer named after its earlier life is made.
func TestReaderNoticesAStreamReplacedWhileItSubscribes(t *testing.T) {
	b := newBroker(t)
	s := newSide(t, b)
	s.makeStream()
	var named []string
	r := read(t, b, func(cfg *jet.ReaderConfig, _ *reading) {
		cfg.Stem = ""
		cfg.Consumer = func(incarnation string) jetstream.ConsumerConfig {
			if named = append(named, incarnation); len(named) == 1 {
				s.deleteStream()
				s.makeStream()
			}
			return durable(incarnation)
		}
	})
	e := r.epoch()
	stream, err := s.js.Stream(s.context(), streamName)
	if err != nil {
		t.Fatal(err)
	}
	if want := jet.Incarnation(stream.CachedInfo()); e.Incarnation != want || named[0] == want {
		t.Fatalf("epoch of incarnation %s, want %s; asked for %v", e.Incarnation, want, named)
	}
	if _, err := stream.Consumer(s.context(), stem+named[0]); !errors.Is(err, jetstream.ErrConsumerNotFound) {
		t.Fatalf("the consumer of the earlier life: %v", err)
	}
}

func TestReaderGoesOnAfterStreamReplaced(t *testing.T) {
	for name, replace := range map[string]func(*broker, side){
		"deleted and made again": func(_ *broker, s side) { s.deleteStream() },
		"store wiped":            func(b *broker, _ side) { b.wipe() },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBroker(t)
			s := newSide(t, b)
			s.makeStream()
			s.publish("a")
			r := read(t, b, nil)
			first := r.epoch()
			held := r.want(1, "a")[0]

			replace(b, s)
			s.makeStream()
			second := r.epoch()
			if second.Incarnation == first.Incarnation {
				t.Fatalf("both incarnations are %s", first.Incarnation)
			}
			s.publish("b")
			fresh := r.want(2, "b")[0]
			if fresh.Seq != held.Seq {
				t.Fatalf("sequences %d and %d: the test proves nothing", held.Seq, fresh.Seq)
			}

			ack(t, held)
			// The same by hand, as if it had been under way: the epoch does not stop it, the
			// consumer's name must.
			late := fmt.Sprintf("$JS.ACK.%s.%s.1.%d.1.%d.0", streamName, stem+first.Incarnation, held.Seq, held.Time.UnixNano())
			if err := s.nc.Publish(late, []byte("+ACK")); err != nil {
				t.Fatal(err)
			}
			if s.settled(r.nc, stem+second.Incarnation).NumAckPending != 1 {
				t.Fatal("an ack of the earlier stream consumed a message of the later one")
			}
			ack(t, fresh)
			s.eventually("the message is acknowledged", func() bool { return s.consumer(stem+second.Incarnation).NumAckPending == 0 })
		})
	}
}

// settled is the consumer's state after everything sent so far on both connections.
func (s side) settled(other *nats.Conn, name string) *jetstream.ConsumerInfo {
	s.t.Helper()
	for _, nc := range []*nats.Conn{other, s.nc} {
		s.eventually("all is sent", func() bool { return nc.FlushWithContext(s.context()) == nil })
	}
	// The server works off acks one after the other: one that is answered comes last.
	last := fmt.Sprintf("$JS.ACK.%s.%s.1.%d.1.%d.0", streamName, name, 1<<40, time.Now().UnixNano())
	if _, err := s.nc.RequestWithContext(s.context(), last, []byte("+WPI")); err != nil {
		s.t.Fatal(err)
	}
	return s.consumer(name)
}

func TestAckOfAnEarlierEpochDoesNothing(t *testing.T) {
	b := newBroker(t)
	s := newSide(t, b)
	s.makeStream()
	s.publish("a")
	r := read(t, b, func(cfg *jet.ReaderConfig, _ *reading) {
		// A name that breaks the rule: only the epoch protects the later message.
		cfg.Consumer = func(string) jetstream.ConsumerConfig { return durable("fixed") }
	})
	held := r.want(1, "a")[0]
	s.deleteStream()
	s.makeStream()
	s.publish("b")
	r.want(2, "b")
	ack(t, held)
	if s.settled(r.nc, stem+"fixed").NumAckPending != 1 {
		t.Fatal("an ack of the earlier epoch consumed a message of the later one")
	}
}

func TestReaderSetsDurableBackToItsAckFloor(t *testing.T) {
	b := newBroker(t)
	s := newSide(t, b)
	s.makeStream()
	s.publish("a", "b", "c")
	r := read(t, b, nil)
	msgs := r.want(1, "a", "b", "c")
	ack(t, msgs[0])
	s.settled(r.nc, stem+r.epoch().Incarnation)
	r.stop()
	if err := <-r.ended; err != nil {
		t.Fatal(err)
	}
	r.ended <- nil // for the cleanup

	// AckWait is an hour: only a reset brings b and c back, and before what is new.
	s.publish("d")
	read(t, b, nil).want(1, "b", "c", "d")
}

func TestReaderAckPolicies(t *testing.T) {
	for policy, left := range map[jetstream.AckPolicy]uint64{jetstream.AckAllPolicy: 0, jetstream.AckExplicitPolicy: 2, jetstream.AckNonePolicy: 0} {
		t.Run(policy.String(), func(t *testing.T) {
			b := newBroker(t)
			s := newSide(t, b)
			s.makeStream()
			s.publish("a", "b", "c")
			r := read(t, b, func(cfg *jet.ReaderConfig, _ *reading) {
				cfg.Consumer = func(incarnation string) jetstream.ConsumerConfig {
					c := durable(incarnation)
					c.AckPolicy = policy
					if policy == jetstream.AckNonePolicy {
						c.AckWait = 0
					}
					return c
				}
			})
			msgs := r.want(1, "a", "b", "c")
			ack(t, msgs[2])
			s.eventually("the backlog is known", func() bool {
				n, err := r.reader.Backlog(s.context())
				return err == nil && n == left
			})
		})
	}
}

func TestEphemeralBeginsAnewInEachEpoch(t *testing.T) {
	b := newBroker(t)
	s := newSide(t, b)
	s.makeStream()
	s.publish("a", "b")
	r := read(t, b, func(cfg *jet.ReaderConfig, _ *reading) {
		cfg.Consumer = func(string) jetstream.ConsumerConfig {
			return jetstream.ConsumerConfig{AckPolicy: jetstream.AckNonePolicy}
		}
	})
	ack(t, r.want(1, "a", "b")...) // does nothing
	b.restart(nil)
	r.want(2, "a", "b")
}

func TestReaderDeletesDurablesOfEarlierIncarnations(t *testing.T) {
	b := newBroker(t)
	s := newSide(t, b)
	s.makeStream()
	others := []string{stem + "two-dbd4gpfmvx2o", stem + "short", stem + "DBD4GPFMVX2O", "dbd4gpfmvx2o"}
	for _, name := range append(others, stem+"dbd4gpfmvx2o") {
		if _, err := s.js.CreateConsumer(s.context(), streamName, jetstream.ConsumerConfig{Durable: name}); err != nil {
			t.Fatal(err)
		}
	}
	own := stem + read(t, b, nil).epoch().Incarnation
	stream, err := s.js.Stream(s.context(), streamName)
	if err != nil {
		t.Fatal(err)
	}
	names := make(map[string]bool)
	for name := range stream.ConsumerNames(s.context()).Name() {
		names[name] = true
	}
	for _, name := range append(others, own) {
		if !names[name] {
			t.Errorf("%s is gone", name)
		}
	}
	if len(names) != len(others)+1 {
		t.Errorf("left: %v", names)
	}
}

// A store that was cut or restored from old hands out its lost sequences again; the server
// sets the consumer back for that (on one replica), the reader must not be in its way.
func TestReaderOfAStreamThatLostItsTail(t *testing.T) {
	b := newBroker(t)
	s := newSide(t, b)
	s.makeStream()
	s.publish("a")
	backup := t.TempDir()
	msgs := filepath.Join("$G", "streams", streamName, "msgs")
	b.restart(func(store string) { copyDir(t, backup, filepath.Join(store, msgs)) })
	s.publish("b", "c")
	r := read(t, b, nil)
	name := stem + r.epoch().Incarnation
	ack(t, r.want(1, "a", "b", "c")...)
	s.eventually("all is acknowledged", func() bool { return s.consumer(name).AckFloor.Stream == 3 })

	b.restart(func(store string) { copyDir(t, filepath.Join(store, msgs), backup) })
	if e := r.epoch(); stem+e.Incarnation != name {
		t.Fatalf("incarnation %s, want the same: the test proves nothing", e.Incarnation)
	}
	s.publish("d")
	if m := r.want(2, "d")[0]; m.Seq != 2 {
		t.Fatalf("sequence %d, want the one that b had: the test proves nothing", m.Seq)
	}
}

// copyDir makes to a copy of from.
func copyDir(t *testing.T, to, from string) {
	t.Helper()
	if err := errors.Join(os.RemoveAll(to), os.CopyFS(to, os.DirFS(from))); err != nil {
		t.Fatal(err)
	}
}
