package jet_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/girohq/giro/embedded"
	"github.com/girohq/giro/internal/jet"
)

// patience is how long a test waits for what must happen.
const patience = 30 * time.Second

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// broker is an embedded server that a test may take away and bring back; the connections
// stay and reconnect.
type broker struct {
	t      testing.TB
	dir    string
	server atomic.Pointer[embedded.NATS]
	lines  sync.Map // the connections made so far
}

func newBroker(t testing.TB) *broker {
	t.Helper()
	b := &broker{t: t, dir: t.TempDir()}
	b.start()
	t.Cleanup(func() { b.server.Load().Shutdown() })
	return b
}

func (b *broker) start() {
	b.t.Helper()
	n, err := embedded.StartNATS(embedded.NATSConfig{Dir: b.dir})
	if err != nil {
		b.t.Fatal(err)
	}
	b.server.Store(n)
}

// restart stops the server, lets between (may be nil) change its files, and starts it.
func (b *broker) restart(between func(store string)) {
	b.t.Helper()
	b.server.Load().Shutdown()
	if between != nil {
		between(filepath.Join(b.dir, "jetstream"))
	}
	b.start()
}

func (b *broker) wipe() {
	b.t.Helper()
	b.restart(func(store string) {
		if err := os.RemoveAll(store); err != nil {
			b.t.Fatal(err)
		}
	})
}

func (b *broker) InProcessConn() (net.Conn, error) {
	conn, err := b.server.Load().InProcessConn()
	if err != nil {
		return nil, err
	}
	l := &line{Conn: conn}
	b.lines.Store(l, true)
	return l, nil
}

// cut breaks all connections as a network does: without a word.
func (b *broker) cut() {
	b.lines.Range(func(l, _ any) bool {
		b.lines.Delete(l)
		_ = l.(*line).Close()
		return true
	})
}

// hold lets nothing that the server says reach its clients, until release is called.
func (b *broker) hold() (release func()) {
	b.lines.Range(func(l, _ any) bool { l.(*line).held.Lock(); return true })
	return func() {
		b.lines.Range(func(l, _ any) bool { l.(*line).held.Unlock(); return true })
	}
}

// line is the client's end of a connection.
type line struct {
	net.Conn
	held sync.Mutex
}

func (l *line) Read(p []byte) (int, error) {
	n, err := l.Conn.Read(p)
	l.held.Lock()
	defer l.held.Unlock()
	return n, err
}

func (b *broker) connect(name string) *nats.Conn {
	b.t.Helper()
	nc, err := nats.Connect("", append(jet.Options(name, false, zerolog.Nop()), nats.InProcessServer(b))...)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(nc.Close)
	return nc
}

// side is a test's own connection, with which it looks at the broker and changes it.
type side struct {
	t  testing.TB
	nc *nats.Conn
	js jetstream.JetStream
}

func newSide(t testing.TB, b *broker) side {
	t.Helper()
	nc := b.connect("test")
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return side{t: t, nc: nc, js: js}
}

const (
	streamName = "ORDERS"
	subject    = "orders.new"
)

// makeStream creates the stream; it waits for a server that is coming back.
func (s side) makeStream() {
	s.t.Helper()
	s.eventually("the stream is made", func() bool {
		_, _, err := jet.EnsureStream(s.context(), s.js, jetstream.StreamConfig{Name: streamName, Subjects: []string{"orders.>"}})
		return err == nil
	})
}

func (s side) deleteStream() {
	s.t.Helper()
	s.eventually("the stream is deleted", func() bool { return s.js.DeleteStream(s.context(), streamName) == nil })
}

func (s side) publish(bodies ...string) {
	s.t.Helper()
	for _, body := range bodies {
		s.eventually("a message is stored", func() bool {
			_, err := s.js.Publish(s.context(), subject, []byte(body), jetstream.WithMsgID(body))
			return err == nil
		})
	}
}

// consumer looks at a consumer that exists; this connection may still be coming back.
func (s side) consumer(name string) (info *jetstream.ConsumerInfo) {
	s.t.Helper()
	s.eventually("consumer "+name+" is seen", func() bool {
		c, err := s.js.Consumer(s.context(), streamName, name)
		if err == nil {
			info = c.CachedInfo()
		}
		return err == nil
	})
	return info
}

func (s side) context() context.Context {
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	s.t.Cleanup(cancel)
	return ctx
}

// eventually asks again and again until cond holds; for what the broker does by itself.
func (s side) eventually(what string, cond func() bool) {
	s.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline:
			s.t.Fatalf("waited in vain: %s", what)
		}
	}
}

func receive[T any](t testing.TB, what string, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(patience):
		t.Fatalf("waited in vain: %s", what)
		panic("unreachable")
	}
}
