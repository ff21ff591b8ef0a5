package jet_test

import (
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/girohq/giro/internal/jet"
	"github.com/girohq/giro/outbox"
)

// What a command costs to publish: 300 bytes, ten headers.
var (
	benchBody   = make([]byte, 300)
	benchHeader = map[string][]string{
		"Saga-Id": {"0198c0de-0000-7000-8000-000000000000"}, "Saga-Type": {"transfer"}, "Saga-Step": {"debit"},
		"Saga-Kind": {"compensatable"}, "Saga-Direction": {"forward"}, "Saga-Attempt": {"1"},
		"Saga-Op": {"0198c0de-0000-7000-8000-000000000000/debit/forward"}, "Saga-Origin": {"0123456789abcdef"},
		"Saga-Revision": {"1"}, "Saga-Reply-To": {"saga.reply.HOME.0198c0de-0000-7000-8000-000000000000"},
	}
)

const benchPending = 4000

// BenchmarkPublisher measures acknowledged messages, by how the stream is persisted. The
// broker syncs always; only persist mode async frees a stream from that.
func BenchmarkPublisher(b *testing.B) {
	for name, mode := range map[string]jetstream.PersistModeType{"async": jetstream.AsyncPersistMode, "synced": jetstream.DefaultPersistMode} {
		b.Run(name, func(b *testing.B) {
			nc := benchStream(b, mode)
			p := newPublisher(b, nc, benchPending)
			m := &outbox.Message{Subject: subject, Header: benchHeader, Body: benchBody}
			var acks sync.WaitGroup
			window := make(chan struct{}, benchPending)
			for b.Loop() {
				window <- struct{}{}
				acks.Add(1)
				p.Publish(m, nuid.Next(), func(err error) {
					if err != nil {
						b.Error(err)
					}
					<-window
					acks.Done()
				})
			}
			acks.Wait()
		})
	}
}

// BenchmarkPublishMsgAsync is the same with what nats.go offers.
func BenchmarkPublishMsgAsync(b *testing.B) {
	nc := benchStream(b, jetstream.AsyncPersistMode)
	var acks sync.WaitGroup
	var dones sync.Map
	report := func(m *nats.Msg, err error) {
		if done, ok := dones.LoadAndDelete(m); ok {
			done.(func(error))(err)
		}
	}
	js, err := jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(benchPending), jetstream.WithPublishAsyncTimeout(10*time.Second),
		jetstream.WithPublishAsyncAckHandler(func(_ jetstream.JetStream, m *nats.Msg, _ *jetstream.PubAck) { report(m, nil) }),
		jetstream.WithPublishAsyncErrHandler(func(_ jetstream.JetStream, m *nats.Msg, err error) { report(m, err) }))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		h := make(nats.Header, len(benchHeader)+1)
		maps.Copy(h, benchHeader)
		h[jetstream.MsgIDHeader] = []string{nuid.Next()}
		m := &nats.Msg{Subject: subject, Header: h, Data: benchBody}
		acks.Add(1)
		dones.Store(m, func(err error) {
			if err != nil {
				b.Error(err)
			}
			acks.Done()
		})
		if _, err := js.PublishMsgAsync(m); err != nil {
			b.Fatal(err)
		}
	}
	acks.Wait()
}

// BenchmarkReader measures delivery and acknowledgement of each message.
func BenchmarkReader(b *testing.B) {
	nc := benchStream(b, jetstream.AsyncPersistMode)
	p := newPublisher(b, nc, benchPending)
	got := make(chan struct{})
	r, err := jet.NewReader(jet.ReaderConfig{
		Conn: nc, Stream: streamName, Consumer: durable,
		Deliver: func(m jet.Msg) {
			if err := m.Ack(); err != nil {
				b.Error(err)
			}
			got <- struct{}{}
		},
	})
	if err != nil {
		b.Fatal(err)
	}
	m := &outbox.Message{Subject: subject, Header: benchHeader, Body: benchBody}
	window := make(chan struct{}, benchPending)
	for range b.N {
		window <- struct{}{}
		p.Publish(m, nuid.Next(), func(error) { <-window })
	}
	ended := make(chan error, 1)
	b.ResetTimer()
	go func() { ended <- r.Run(b.Context()) }()
	for range b.N {
		<-got
	}
	b.StopTimer()
	nc.Close()
	<-ended
}

func benchStream(b *testing.B, mode jetstream.PersistModeType) *nats.Conn {
	br := newBroker(b)
	s := newSide(b, br)
	if _, _, err := jet.EnsureStream(s.context(), s.js, jetstream.StreamConfig{Name: streamName, Subjects: []string{"orders.>"}, PersistMode: mode}); err != nil {
		b.Fatal(err)
	}
	return br.connect("bench")
}
