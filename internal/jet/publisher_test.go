package jet_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/girohq/giro/internal/jet"
	"github.com/girohq/giro/outbox"
)

var _ outbox.Publisher = (*jet.Publisher)(nil)

func newPublisher(t testing.TB, nc *nats.Conn, maxPending int) *jet.Publisher {
	t.Helper()
	p, err := jet.NewPublisher(nc, maxPending)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// publish returns the channel that gets the message's outcome.
func publish(p *jet.Publisher, subject, body string) <-chan error {
	outcome := make(chan error, 2)
	p.Publish(&outbox.Message{Subject: subject, Body: []byte(body)}, body, func(err error) { outcome <- err })
	return outcome
}

func TestPublisherStores(t *testing.T) {
	b := newBroker(t)
	s := newSide(t, b)
	s.makeStream()
	p := newPublisher(t, b.connect("publisher"), 0)
	outcome := make(chan error, 3)
	var sends sync.WaitGroup
	for _, id := range []string{"one", "two", "one"} { // the third is a repeat
		m := &outbox.Message{Subject: subject, Header: map[string][]string{"Saga-Id": {"T-1"}}, Body: []byte(`{}`)}
		sends.Go(func() { p.Publish(m, id, func(err error) { outcome <- err }) })
	}
	sends.Wait()
	for range 3 {
		if err := receive(t, "an outcome", outcome); err != nil {
			t.Fatal(err)
		}
	}
	r := read(t, b, nil)
	ids := make(map[string]bool)
	for range 2 {
		got := r.next()
		ids[got.Header.Get(jetstream.MsgIDHeader)] = true
		if got.Header.Get("Saga-Id") != "T-1" || string(got.Data) != "{}" || got.Subject != subject {
			t.Fatalf("stored %+v", got)
		}
	}
	if n, err := r.reader.Backlog(s.context()); len(ids) != 2 || n != 2 || err != nil {
		t.Fatalf("ids %v, %d messages, %v", ids, n, err)
	}
}

func TestPublisherTellsWhy(t *testing.T) {
	b := newBroker(t)
	s := newSide(t, b)
	if _, _, err := jet.EnsureStream(s.context(), s.js, jetstream.StreamConfig{
		Name: streamName, Subjects: []string{"orders.>"}, MaxMsgs: 1, Discard: jetstream.DiscardNew,
	}); err != nil {
		t.Fatal(err)
	}
	p := newPublisher(t, b.connect("publisher"), 0)
	if err := receive(t, "an outcome", publish(p, "nobody.listens", "a")); !errors.Is(err, jet.ErrNoStream) {
		t.Errorf("no stream: %v", err)
	}
	if err := receive(t, "an outcome", publish(p, subject, "a")); err != nil {
		t.Error(err)
	}
	var refused *jetstream.APIError
	if err := receive(t, "an outcome", publish(p, subject, "b")); !errors.As(err, &refused) || refused.ErrorCode != 10077 {
		t.Errorf("full stream: %v", err)
	}
	if err := receive(t, "an outcome", publish(p, "bad subject", "c")); !errors.Is(err, nats.ErrBadSubject) {
		t.Errorf("bad subject: %v", err)
	}
	if _, err := s.nc.Subscribe("odd", func(m *nats.Msg) { _ = m.Respond([]byte(`{"what":"?"}`)) }); err != nil {
		t.Fatal(err)
	}
	s.flush()
	if err := receive(t, "an outcome", publish(p, "odd", "d")); !errors.Is(err, jet.ErrBadAck) {
		t.Errorf("odd answer: %v", err)
	}
	if n := p.Pending(); n != 0 {
		t.Errorf("%d pending", n)
	}
}

// mute makes a subject that takes messages and never answers.
func (s side) mute() string {
	s.t.Helper()
	if _, err := s.nc.Subscribe("mute", func(*nats.Msg) {}); err != nil {
		s.t.Fatal(err)
	}
	s.flush()
	return "mute"
}

func (s side) flush() {
	s.t.Helper()
	if err := s.nc.FlushWithContext(s.context()); err != nil {
		s.t.Fatal(err)
	}
}

func TestPublisherIsBounded(t *testing.T) {
	b := newBroker(t)
	s := newSide(t, b)
	s.makeStream()
	p := newPublisher(t, b.connect("publisher"), 2)
	mute := s.mute()
	first, second := publish(p, mute, "a"), publish(p, mute, "b")
	began := time.Now()
	for range 10 {
		if err := receive(t, "a refusal", publish(p, subject, "c")); !errors.Is(err, jet.ErrFull) {
			t.Fatal(err)
		}
	}
	if d := time.Since(began); d > time.Second {
		t.Errorf("ten refusals took %v: only the first may wait", d)
	}
	p.SweepAt(time.Now()) // too early
	if p.Pending() != 2 {
		t.Fatalf("%d pending", p.Pending())
	}
	p.SweepAt(time.Now().Add(time.Minute))
	for _, outcome := range []<-chan error{first, second} {
		if err := receive(t, "a timeout", outcome); !errors.Is(err, jet.ErrAckTimeout) {
			t.Fatal(err)
		}
	}
	if err := receive(t, "an outcome", publish(p, subject, "d")); err != nil {
		t.Fatal(err)
	}
}

func TestPublisherIgnoresALateAnswer(t *testing.T) {
	b := newBroker(t)
	s := newSide(t, b)
	s.makeStream()
	p := newPublisher(t, b.connect("publisher"), 1)
	asked := make(chan *nats.Msg, 1)
	if _, err := s.nc.ChanSubscribe("slow", asked); err != nil {
		t.Fatal(err)
	}
	s.flush()
	outcome := publish(p, "slow", "a")
	m := receive(t, "the message", asked)
	p.SweepAt(time.Now().Add(time.Minute))
	if err := receive(t, "a timeout", outcome); !errors.Is(err, jet.ErrAckTimeout) {
		t.Fatal(err)
	}
	if err := m.Respond([]byte(`{"stream":"SLOW","seq":1}`)); err != nil {
		t.Fatal(err)
	}
	s.flush() // before the answer to the next one
	if err := receive(t, "an outcome", publish(p, subject, "b")); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-outcome:
		t.Fatalf("reported again: %v", err)
	default:
	}
}

func TestPublisherReportsWhenItEnds(t *testing.T) {
	for name, end := range map[string]func(*broker, *nats.Conn, *jet.Publisher){
		"publisher closed":  func(_ *broker, _ *nats.Conn, p *jet.Publisher) { p.Close(); p.Close() },
		"connection closed": func(_ *broker, nc *nats.Conn, _ *jet.Publisher) { nc.Close() },
		"broker restarted":  func(b *broker, _ *nats.Conn, _ *jet.Publisher) { b.restart(nil) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBroker(t)
			s := newSide(t, b)
			nc := b.connect("publisher")
			p := newPublisher(t, nc, 0)
			outcome := publish(p, s.mute(), "a")
			if err := nc.Flush(); err != nil { // it is with the one who does not answer, who leaves at a restart
				t.Fatal(err)
			}
			end(b, nc, p)
			if err := receive(t, "an outcome", outcome); !errors.Is(err, jet.ErrDisconnected) {
				t.Fatal(err)
			}
			if name == "broker restarted" {
				return
			}
			if err := receive(t, "a refusal", publish(p, subject, "b")); !errors.Is(err, jet.ErrClosed) {
				t.Fatal(err)
			}
		})
	}
}

// Restarts under load: every message is reported once, and what is reported as stored is.
func TestPublisherReportsExactlyOnce(t *testing.T) {
	const senders, restarts = 4, 3
	b := newBroker(t)
	s := newSide(t, b)
	s.makeStream()
	p := newPublisher(t, b.connect("publisher"), 64)
	ctx, stop := context.WithCancel(t.Context())
	var sends, reports sync.WaitGroup
	var stored sync.Map
	var count, lost, twice atomic.Int64
	for sender := range senders {
		sends.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				id := fmt.Sprintf("%d-%d", sender, i)
				var reported atomic.Bool
				reports.Add(1)
				p.Publish(&outbox.Message{Subject: subject, Body: []byte(id)}, id, func(err error) {
					if reported.Swap(true) {
						twice.Add(1)
						return
					}
					if err == nil {
						stored.Store(id, true)
						count.Add(1)
					} else {
						lost.Add(1)
					}
					reports.Done()
				})
			}
		})
	}
	for range restarts {
		b.restart(nil)
		before := count.Load()
		s.eventually("publishing goes on", func() bool { return count.Load() > before+200 })
	}
	stop()
	sends.Wait()
	all := make(chan struct{})
	go func() { reports.Wait(); close(all) }()
	receive(t, "every report", all)
	if twice.Load() != 0 {
		t.Errorf("%d messages were reported twice", twice.Load())
	}
	s.checkStored(b, &stored)
	t.Logf("%d stored, %d not or unknown", count.Load(), lost.Load())
}

// checkStored reads the whole stream and looks for each id.
func (s side) checkStored(b *broker, ids *sync.Map) {
	s.t.Helper()
	var info jetstream.Stream
	s.eventually("the stream is reachable again", func() (ok bool) { // this connection reconnects in its own time
		var err error
		info, err = s.js.Stream(s.context(), streamName)
		return err == nil
	})
	c, err := info.OrderedConsumer(s.context(), jetstream.OrderedConsumerConfig{})
	if err != nil {
		s.t.Fatal(err)
	}
	batch, err := c.Fetch(int(info.CachedInfo().State.Msgs))
	if err != nil {
		s.t.Fatal(err)
	}
	for m := range batch.Messages() {
		ids.Delete(string(m.Data()))
	}
	ids.Range(func(id, _ any) bool {
		s.t.Errorf("%v was reported as stored and is not in the stream", id)
		return true
	})
}
