package participants

import (
	"context"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/girohq/giro/internal/jet"
	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/saga"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
)

const patience = 20 * time.Second

// bus is a real broker with the streams of the protocol, and the orchestrator's end of it.
type bus struct {
	*testing.T
	server  *server.Server
	names   wire.Names
	conn    *nats.Conn
	js      jetstream.JetStream
	replies *nats.Subscription
	sends   int
}

func newBus(t *testing.T) *bus {
	t.Helper()
	s, err := server.NewServer(&server.Options{JetStream: true, StoreDir: t.TempDir(), Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true})
	must(t, err)
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(patience) {
		t.Fatal("the broker does not start")
	}
	names, err := wire.New("")
	must(t, err)
	b := &bus{T: t, server: s, names: names}
	b.conn = b.connect()
	b.js, err = jetstream.New(b.conn)
	must(t, err)
	b.stream(names.Commands(), names.CommandFilter("*"))
	b.stream(names.Replies(), names.ReplyFilter())
	b.stream(names.Dead(), names.DeadFilter())
	b.replies, err = b.conn.SubscribeSync(names.ReplyFilter())
	must(t, err)
	must(t, b.conn.Flush())
	return b
}

func (b *bus) connect() *nats.Conn {
	b.Helper()
	nc, err := nats.Connect("", append(jet.Options(b.Name(), false, zerolog.Nop()), nats.InProcessServer(b.server))...)
	must(b, err)
	b.Cleanup(nc.Close)
	return nc
}

func (b *bus) stream(name, subject string) {
	b.Helper()
	_, err := b.js.CreateStream(b.Context(), jetstream.StreamConfig{Name: name, Subjects: []string{subject}})
	must(b, err)
}

// send publishes an attempt of a command as the orchestrator does: each send has its own id.
func (b *bus) send(c saga.Command) {
	b.Helper()
	subject, h := wire.EncodeCommand(b.names, c, origin)
	b.sends++
	h.Set(wire.HeaderAttempt, strconv.Itoa(c.Attempt))
	h.Set(wire.HeaderMsgID, c.Op()+"/"+strconv.Itoa(c.Attempt)+".1."+strconv.Itoa(b.sends))
	h.Set(wire.HeaderTraceParent, "00-trace")
	_, err := b.js.PublishMsg(b.Context(), &nats.Msg{Subject: subject, Header: h, Data: c.Body})
	must(b, err)
}

// reply is the next reply, decoded, and its message.
func (b *bus) reply() (saga.Reply, *nats.Msg) {
	b.Helper()
	m, err := b.replies.NextMsg(patience)
	must(b, err)
	r, echoed, err := wire.DecodeReply(b.names, m.Subject, m.Header, m.Data)
	must(b, err)
	if echoed != origin {
		b.Errorf("origin %q is echoed as %q", origin, echoed)
	}
	return r, m
}

// consumer is the state of the participant's durable.
func (b *bus) consumer() *jetstream.ConsumerInfo {
	b.Helper()
	stream, err := b.js.Stream(b.Context(), b.names.Commands())
	must(b, err)
	c, err := stream.Consumer(b.Context(), "P_"+jet.Incarnation(stream.CachedInfo()))
	must(b, err)
	return c.CachedInfo()
}

// allAcked waits until the broker knows that every command was worked off.
func (b *bus) allAcked() {
	b.Helper()
	b.eventually("all commands are acknowledged", func() bool {
		info := b.consumer()
		return info.NumPending == 0 && info.NumAckPending == 0
	})
}

func (b *bus) eventually(what string, is func() bool) {
	b.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(patience); !is(); {
		select {
		case <-tick.C:
		case <-end:
			b.Fatalf("it never happened that %s", what)
		}
	}
}

// open opens a participant's database; close it with the test or before.
func (b *bus) open(path string) *outbox.DB {
	b.Helper()
	db, err := Open(b.Context(), path, effects)
	must(b, err)
	b.Cleanup(func() { must(b, db.Close()) })
	return db
}

func (b *bus) path() string { return filepath.Join(b.TempDir(), "p.db") }

// participant makes participant P with the handlers of [writeEffects], and sends it again what was not
// answered within a moment.
func (b *bus) participant(db *outbox.DB) *Participant {
	b.Helper()
	p, err := New(Config{Name: "P", DB: db, Conn: b.connect(), Log: zerolog.Nop()})
	must(b, err)
	p.ackWait = 300 * time.Millisecond
	writeEffects(p)
	return p
}

// run runs p until stop is called, or the test ends.
func (b *bus) run(p *Participant) (stop func() error) {
	b.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	var once error
	stopped := false
	stop = func() error {
		if !stopped {
			stopped = true
			cancel()
			once = <-ended
		}
		return once
	}
	b.Cleanup(func() { must(b, stop()) })
	b.eventually("the participant is ready", p.Ready)
	return stop
}

// writeEffects registers handlers that write one row each.
func writeEffects(p *Participant) {
	write := func(ctx context.Context, tx Tx, kind string) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO effects (saga, kind) VALUES (?, ?)`, CommandFrom(ctx).SagaID, kind)
		return err
	}
	Handle(p, "do", func(ctx context.Context, tx Tx, _ toDo) (result, error) { return result{Run: 7}, write(ctx, tx, "do") })
	HandleUndo(p, "undo", func(ctx context.Context, tx Tx, _ toDo, _ result) (struct{}, error) {
		return struct{}{}, write(ctx, tx, "undo")
	})
}

// effectsOf counts the rows of each saga.
func effectsOf(t testing.TB, db *outbox.DB) map[string]int {
	t.Helper()
	var rows []struct {
		Saga string
		N    int
	}
	must(t, db.Read().Select(&rows, `SELECT saga, count(*) AS n FROM effects GROUP BY saga`))
	counts := map[string]int{}
	for _, r := range rows {
		counts[r.Saga] = r.N
	}
	return counts
}
