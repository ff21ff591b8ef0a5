package jet_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/girohq/giro/internal/jet"
)

// reading is a reader that runs and gives what it reads to the test.
type reading struct {
	t      *testing.T
	nc     *nats.Conn
	reader *jet.Reader
	msgs   chan jet.Msg
	epochs chan jet.Epoch
	stop   context.CancelFunc
	ended  chan error
	hurry  bool
	given  atomic.Int64 // messages that Deliver was called with
}

const stem = "test-"

// durable is a consumer that never redelivers by itself while a test runs.
func durable(incarnation string) jetstream.ConsumerConfig {
	return jetstream.ConsumerConfig{Durable: stem + incarnation, AckPolicy: jetstream.AckExplicitPolicy, AckWait: time.Hour}
}

func read(t *testing.T, b *broker, change func(*jet.ReaderConfig, *reading)) *reading {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	r := &reading{
		t: t, nc: b.connect("reader"), stop: stop, ended: make(chan error, 1),
		msgs: make(chan jet.Msg, 100), epochs: make(chan jet.Epoch, 100),
	}
	cfg := jet.ReaderConfig{
		Conn: r.nc, Stream: streamName, Consumer: durable, Stem: stem,
		Epoch: func(e jet.Epoch) { r.epochs <- e },
		Deliver: func(m jet.Msg) {
			r.given.Add(1)
			select {
			case r.msgs <- m:
			case <-ctx.Done():
			}
		},
	}
	if change != nil {
		change(&cfg, r)
	}
	reader, err := jet.NewReader(cfg)
	if err != nil {
		t.Fatal(err)
	}
	r.reader = reader
	if r.hurry {
		reader.Hurry(time.Second, 500*time.Millisecond)
	}
	go func() { r.ended <- reader.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		<-r.ended
		close(r.ended)
	})
	return r
}

func (r *reading) next() jet.Msg {
	r.t.Helper()
	return receive(r.t, "a message", r.msgs)
}

func (r *reading) epoch() jet.Epoch {
	r.t.Helper()
	return receive(r.t, "an epoch", r.epochs)
}

// want reads messages and checks their bodies and that they are of the given epoch.
func (r *reading) want(epoch uint64, bodies ...string) []jet.Msg {
	r.t.Helper()
	var got []jet.Msg
	for _, body := range bodies {
		m := r.next()
		if string(m.Data) != body || m.Epoch != epoch {
			r.t.Fatalf("got %q of epoch %d, want %q of epoch %d", m.Data, m.Epoch, body, epoch)
		}
		got = append(got, m)
	}
	return got
}

func ack(t *testing.T, msgs ...jet.Msg) {
	t.Helper()
	for _, m := range msgs {
		if err := m.Ack(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestReaderGoesOnAfterRestart(t *testing.T) {
	b := newBroker(t)
	s := newSide(t, b)
	s.makeStream()
	s.publish("a", "b", "c", "d")
	r := read(t, b, nil)
	first := r.epoch()
	msgs := r.want(1, "a", "b", "c", "d")
	ack(t, msgs[0])
	s.eventually("the first is acknowledged", func() bool { return s.consumer(stem+first.Incarnation).AckFloor.Stream == 1 })

	b.restart(nil)

	second := r.epoch()
	if second.Number != 2 || second.Incarnation != first.Incarnation {
		t.Fatalf("epoch %+v follows %+v", second, first)
	}
	s.publish("e")
	// The server may have forgotten the ack; whatever comes, comes oldest first and now.
	m := r.next()
	if string(m.Data) == "a" {
		m = r.next()
	}
	if string(m.Data) != "b" || m.Epoch != 2 {
		t.Fatalf("got %q of epoch %d, want b of epoch 2", m.Data, m.Epoch)
	}
	r.want(2, "c", "d", "e")
}

func TestReaderBeginsAnewWhenTheConnectionBreaks(t *testing.T) {
	b := newBroker(t)
	s := newSide(t, b)
	s.makeStream()
	s.publish("a", "b")
	r := read(t, b, nil)
	held := r.want(1, "a", "b")
	b.cut()
	again := r.want(2, "a", "b")
	ack(t, held...) // does nothing
	if n := s.settled(r.nc, stem+r.epoch().Incarnation).NumAckPending; n != 2 {
		t.Fatalf("%d messages wait for an ack, want 2", n)
	}
	ack(t, again...)
}

func TestReaderDropsMessagesOfAnEarlierEpoch(t *testing.T) {
	b := newBroker(t)
	s := newSide(t, b)
	s.makeStream()
	s.publish("a", "b", "c")
	r := read(t, b, oneByOne)
	name := stem + r.epoch().Incarnation
	s.eventually("all are sent", func() bool { return s.consumer(name).NumAckPending == 3 })
	s.eventually("the first is being delivered", func() bool { return r.given.Load() == 1 })
	b.cut()
	s.eventually("the connection is back", func() bool { return r.nc.Stats().Reconnects == 1 && r.nc.IsConnected() })
	if r.reader.Ready() {
		t.Fatal("the epoch goes on while Deliver blocks")
	}
	held := r.want(1, "a") // was being delivered
	ack(t, held...)
	r.want(2, "a", "b", "c")
}

// oneByOne makes the reader wait until the test has taken a message.
func oneByOne(_ *jet.ReaderConfig, r *reading) { r.msgs = make(chan jet.Msg) }

func TestReaderGoesOnAfterConsumerDeleted(t *testing.T) {
	b := newBroker(t)
	s := newSide(t, b)
	s.makeStream()
	s.publish("a", "b")
	r := read(t, b, nil)
	e := r.epoch()
	r.want(1, "a")
	if err := s.js.DeleteConsumer(s.context(), streamName, stem+e.Incarnation); err != nil {
		t.Fatal(err)
	}
	m := r.next()
	if m.Epoch == 1 { // was on its way already
		m = r.next()
	}
	if string(m.Data) != "a" || m.Epoch != 2 {
		t.Fatalf("got %q of epoch %d, want a of epoch 2", m.Data, m.Epoch)
	}
	r.want(2, "b")
}

func TestReaderWaitsForItsStream(t *testing.T) {
	b := newBroker(t)
	s := newSide(t, b)
	r := read(t, b, nil)
	if _, err := r.reader.Backlog(t.Context()); !errors.Is(err, jet.ErrNotReady) || r.reader.Ready() {
		t.Fatalf("ready without a stream: %v", err)
	}
	s.makeStream()
	s.publish("a")
	r.want(1, "a")
	if !r.reader.Ready() {
		t.Fatal("not ready")
	}
	s.deleteStream()
	s.eventually("the reader notices", func() bool { return !r.reader.Ready() })
	if _, err := r.reader.Backlog(t.Context()); !errors.Is(err, jet.ErrNotReady) {
		t.Fatal(err)
	}
}

func TestReaderEndsWithItsConnection(t *testing.T) {
	b := newBroker(t)
	s := newSide(t, b)
	s.makeStream()
	r := read(t, b, nil)
	r.epoch()
	r.nc.Close()
	if err := receive(t, "the end", r.ended); !errors.Is(err, jet.ErrClosed) {
		t.Fatalf("got %v", err)
	}
	r.ended <- nil // for the cleanup
}

func TestNewReaderChecksItsConfig(t *testing.T) {
	if _, err := jet.NewReader(jet.ReaderConfig{Stream: streamName}); err == nil {
		t.Fatal("accepted")
	}
}
