package jet_test

import (
	"fmt"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/girohq/giro/internal/jet"
)

// hurried lets requests expire after a second, and silence be noticed after one.
func hurried(_ *jet.ReaderConfig, r *reading) { r.hurry = true }

func TestReaderNoticesSilence(t *testing.T) {
	b := newBroker(t)
	s := newSide(t, b)
	s.makeStream()
	r := read(t, b, hurried)
	s.eventually("the reader reads", r.reader.Ready)
	release := b.hold()
	s.eventually("the reader notices", func() bool { return !r.reader.Ready() })
	if !r.nc.IsConnected() {
		t.Fatal("the connection broke: the test proves nothing")
	}
	release()
	s.publish("a")
	if m := r.next(); m.Epoch < 2 || string(m.Data) != "a" {
		t.Fatalf("got %q of epoch %d", m.Data, m.Epoch)
	}
}

func TestReaderAsksAgainWhenRequestsExpire(t *testing.T) {
	b := newBroker(t)
	s := newSide(t, b)
	s.makeStream()
	r := read(t, b, func(cfg *jet.ReaderConfig, r *reading) {
		hurried(cfg, r)
		cfg.Prefetch = 4
	})
	first := r.epoch()
	expired := make(chan *nats.Msg, 100)
	if _, err := s.nc.ChanSubscribe("$JS.API.CONSUMER.MSG.NEXT."+streamName+"."+stem+first.Incarnation, expired); err != nil {
		t.Fatal(err)
	}
	s.flush()
	for range 3 {
		receive(t, "a new request", expired)
	}
	s.publish("a", "b", "c", "d", "e", "f", "g", "h", "i")
	r.want(1, "a", "b", "c", "d", "e", "f", "g", "h", "i")
}

// A network may carry requests twice, and they bring more than there is room for: what was dropped comes again.
func TestReaderMissesNothingThatWasDropped(t *testing.T) {
	const count = 200
	b := newBroker(t)
	s := newSide(t, b)
	s.makeStream()
	requests := make(chan *nats.Msg, 100)
	if _, err := s.nc.ChanSubscribe("$JS.API.CONSUMER.MSG.NEXT.>", requests); err != nil {
		t.Fatal(err)
	}
	s.flush()
	r := read(t, b, func(cfg *jet.ReaderConfig, r *reading) {
		oneByOne(cfg, r)
		cfg.Prefetch = 4
	})
	first := r.epoch()
	request := receive(t, "the first request", requests)
	for range count / 4 {
		if err := s.nc.PublishMsg(&nats.Msg{Subject: request.Subject, Reply: request.Reply, Data: request.Data}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range count {
		s.publish(fmt.Sprint(i))
	}
	s.eventually("all were delivered", func() bool { return s.consumer(stem+first.Incarnation).NumAckPending == count })
	seen := map[string]bool{}
	for len(seen) < count {
		m := r.next()
		seen[string(m.Data)] = true
		ack(t, m)
	}
	if n := r.epoch().Number; n < 2 {
		t.Errorf("all came in epoch %d: nothing was dropped, and nothing was tried", n)
	}
}

// More than one request may bring: the server ends it early.
func TestReaderTakesLargeMessages(t *testing.T) {
	const count, size = 40, 900 << 10
	b := newBroker(t)
	s := newSide(t, b)
	s.makeStream()
	for i := range count {
		if _, err := s.js.Publish(s.context(), subject, make([]byte, size), jetstream.WithMsgID(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	r := read(t, b, nil)
	for i := range count {
		if m := r.next(); m.Epoch != 1 || m.Seq != uint64(i+1) || len(m.Data) != size {
			t.Fatalf("message %d of epoch %d, %d bytes", m.Seq, m.Epoch, len(m.Data))
		}
	}
}

func TestReaderPrefetchIsBounded(t *testing.T) {
	b := newBroker(t)
	s := newSide(t, b)
	s.makeStream()
	for i := range 50 {
		s.publish(fmt.Sprint(i))
	}
	r := read(t, b, func(cfg *jet.ReaderConfig, r *reading) {
		oneByOne(cfg, r)
		cfg.Prefetch = 8
	})
	name := stem + r.epoch().Incarnation
	requests := make(chan *nats.Msg, 100)
	if _, err := s.nc.ChanSubscribe("$JS.API.CONSUMER.MSG.NEXT."+streamName+"."+name, requests); err != nil {
		t.Fatal(err)
	}
	s.flush()
	r.want(1, "0") // the reader is blocked with the next one in hand
	if n := s.consumer(name).NumAckPending; n > 1+1+8 {
		t.Fatalf("%d messages under way", n)
	}
	for i := range 49 {
		r.want(1, fmt.Sprint(i+1))
	}
	s.flush()
	if n := len(requests); n > 1+50/(8/2) {
		t.Fatalf("%d requests for 50 messages", n)
	}
}
