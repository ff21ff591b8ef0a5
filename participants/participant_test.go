package participants

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/saga"
	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
	"github.com/rs/zerolog"
)

// TestAnswers holds what goes over the wire: a command, its copy, its undo and an attempt after it.
func TestAnswers(t *testing.T) {
	b := newBus(t)
	db := b.open(b.path())
	p := b.participant(db)
	b.run(p)

	second := forward("")
	second.Attempt = 2
	tests := []struct {
		send    saga.Command
		outcome saga.Outcome
		body    string
	}{
		{forward(""), saga.Succeeded, `{"run":7}`},
		{second, saga.Succeeded, `{"run":7}`},
		{backward("", saga.KnownSucceeded), saga.Succeeded, `{}`},
		{forward(""), saga.Fenced, ``},
	}
	ids := map[string]bool{}
	for i, tt := range tests {
		b.send(tt.send)
		got, m := b.reply()
		want := saga.Reply{SagaID: "S", Step: "s", Direction: tt.send.Direction, Attempt: tt.send.Attempt, Participant: "P",
			Outcome: tt.outcome, Body: json.RawMessage(tt.body), Code: got.Code, Message: got.Message}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("reply %d:\n%s", i, diff)
		}
		ids[m.Header.Get(wire.HeaderMsgID)] = true
		if m.Header.Get(wire.HeaderStore) != db.StoreID() || m.Header.Get(wire.HeaderCommit) != fmt.Sprint(i+1) {
			t.Errorf("reply %d is of store %s, commit %s", i, m.Header.Get(wire.HeaderStore), m.Header.Get(wire.HeaderCommit))
		}
		if m.Header.Get(wire.HeaderTraceParent) != "00-trace" {
			t.Errorf("reply %d lost its trace", i)
		}
	}
	if len(ids) != len(tests) {
		t.Errorf("%d replies had %d message ids", len(tests), len(ids))
	}
	b.allAcked()
	if diff := cmp.Diff(Counts{Succeeded: 3, Fenced: 1}, p.Counts()); diff != "" {
		t.Error(diff)
	}
	if n := effectsOf(t, db)["S"]; n != 2 {
		t.Errorf("%d effects, want one and its undo", n)
	}
}

// TestRefusalsOnTheWire holds the headers of a refusal and of a retry.
func TestRefusalsOnTheWire(t *testing.T) {
	b := newBus(t)
	p := b.participant(b.open(b.path()))
	Handle(p, "wait", func(context.Context, Tx, toDo) (result, error) {
		return result{}, RetryAfter(WithCode("closed", errors.New("comes\nback")), time.Minute)
	})
	b.run(p)
	c := forward("")
	c.Action = "wait"
	b.send(c)
	got, _ := b.reply()
	if got.Outcome != saga.Retried || got.Code != "closed" || got.RetryAfter != time.Minute || got.Message != "comes back" {
		t.Errorf("retry: %+v", got)
	}
	c.Action, c.Step = "dance", "other"
	b.send(c)
	if got, _ = b.reply(); got.Outcome != saga.Rejected || got.Code != CodeUnknownAction || got.Message == "" {
		t.Errorf("refusal: %+v", got)
	}
}

// TestPoison holds that messages which are no commands end in the dead letters with their
// origin, are acknowledged, and hold up nobody.
func TestPoison(t *testing.T) {
	b := newBus(t)
	p := b.participant(b.open(b.path()))
	b.run(p)
	dead, err := b.conn.SubscribeSync(b.names.DeadSubject("P"))
	must(t, err)
	_, err = b.js.Publish(t.Context(), "saga.command.P.do.k", []byte("boo"))
	must(t, err)
	_, err = b.js.Publish(t.Context(), "saga.command.P.do.k.more", []byte("boo"))
	must(t, err)
	b.send(forward(""))
	if r, _ := b.reply(); r.Outcome != saga.Succeeded {
		t.Errorf("the command behind the poison: %+v", r)
	}
	for i, subject := range []string{"saga.command.P.do.k", "saga.command.P.do.k.more"} {
		m, err := dead.NextMsg(patience)
		must(t, err)
		if string(m.Data) != "boo" || m.Header.Get(wire.HeaderErrorCode) != "malformed" || m.Header.Get(wire.HeaderError) == "" ||
			m.Header.Get(wire.HeaderOriginSubj) != subject || m.Header.Get(wire.HeaderOriginSeq) != fmt.Sprint(i+1) {
			t.Errorf("dead letter %d: %v %s", i, m.Header, m.Data)
		}
	}
	b.allAcked()
	if n := p.Counts().Dead; n != 2 {
		t.Errorf("%d dead letters counted", n)
	}
}

// faultyPublisher stands between a participant and the broker.
type faultyPublisher func(m *nats.Msg, done func(error))

func (f faultyPublisher) PublishMsg(m *nats.Msg, done func(error)) { f(m, done) }

// TestNoAckBeforeReplyIsStored holds that a command whose reply the broker has not confirmed is
// not acknowledged, and is once it has.
func TestNoAckBeforeReplyIsStored(t *testing.T) {
	b := newBus(t)
	p := b.participant(b.open(b.path()))
	p.ackWait = time.Minute
	held := make(chan func(error), 1)
	p.faults = func(broker publisher) publisher {
		return faultyPublisher(func(m *nats.Msg, done func(error)) {
			broker.PublishMsg(m, func(err error) { held <- func(error) { done(err) } })
		})
	}
	b.run(p)
	b.send(forward(""))
	confirm := <-held // the reply is stored, but the participant does not know yet
	must(t, p.conn.Flush())
	if info := b.consumer(); info.AckFloor.Stream != 0 || info.NumAckPending != 1 {
		t.Errorf("acknowledged too early: floor %d, %d pending", info.AckFloor.Stream, info.NumAckPending)
	}
	confirm(nil)
	b.allAcked()
}

// TestUnstoredReplyComesAgain holds that a reply which the broker did not take brings the command
// back, and the command its recorded answer: the effect stays one.
func TestUnstoredReplyComesAgain(t *testing.T) {
	b := newBus(t)
	db := b.open(b.path())
	p := b.participant(db)
	var failures atomic.Int32
	failures.Store(3)
	p.faults = func(broker publisher) publisher {
		return faultyPublisher(func(m *nats.Msg, done func(error)) {
			if failures.Add(-1) >= 0 {
				done(errors.New("the broker's disk is full"))
				return
			}
			broker.PublishMsg(m, done)
		})
	}
	b.run(p)
	b.send(forward(""))
	if r, _ := b.reply(); r.Outcome != saga.Succeeded || string(r.Body) != `{"run":7}` {
		t.Errorf("reply: %+v", r)
	}
	b.allAcked()
	if n := effectsOf(t, db)["S"]; n != 1 {
		t.Errorf("%d effects", n)
	}
}

// TestMissingReplyStream is the same with the real broker at fault.
func TestMissingReplyStream(t *testing.T) {
	b := newBus(t)
	db := b.open(b.path())
	must(t, b.js.DeleteStream(t.Context(), b.names.Replies()))
	p := b.participant(db)
	b.run(p)
	b.send(forward(""))
	b.eventually("a reply was tried", func() bool { return p.Counts().Succeeded > 0 })
	b.stream(b.names.Replies(), b.names.ReplyFilter())
	b.allAcked()
	stream, err := b.js.Stream(t.Context(), b.names.Replies())
	must(t, err)
	if stream.CachedInfo().State.Msgs == 0 {
		t.Error("the command is acknowledged and its reply was never stored")
	}
	if n := effectsOf(t, db)["S"]; n != 1 {
		t.Errorf("%d effects", n)
	}
}

// TestStopAndGoOn stops and starts a participant under load: each command is answered, and has
// one effect.
func TestStopAndGoOn(t *testing.T) {
	const commands, restarts = 400, 4
	b := newBus(t)
	path := b.path()
	var sending sync.WaitGroup
	sending.Go(func() {
		for i := range commands {
			c := forward("")
			c.SagaID = fmt.Sprintf("S%d", i)
			b.send(c)
		}
	})
	answered := map[string]bool{}
	for range restarts {
		db := b.open(path)
		stop := b.run(b.participant(db))
		r, _ := b.reply()
		answered[r.SagaID] = true
		must(t, stop())
		must(t, db.Close())
	}
	db := b.open(path)
	b.run(b.participant(db))
	for len(answered) < commands {
		r, _ := b.reply()
		answered[r.SagaID] = true
	}
	sending.Wait()
	b.allAcked()
	for id, n := range effectsOf(t, db) {
		if n != 1 {
			t.Errorf("%s has %d effects", id, n)
		}
	}
}

// TestUnusableDatabase holds that Run ends when the outcome of a commit cannot be known any more,
// and that the command is left to the next process.
func TestUnusableDatabase(t *testing.T) {
	b := newBus(t)
	db := b.open(b.path())
	p := b.participant(db)
	ended := make(chan error, 1)
	go func() { ended <- p.Run(t.Context()) }()
	b.eventually("the participant is ready", p.Ready)
	must(t, db.Close())
	b.send(forward(""))
	select {
	case err := <-ended:
		if !errors.Is(err, outbox.ErrClosed) {
			t.Errorf("Run: %v", err)
		}
	case <-time.After(patience):
		t.Fatal("Run goes on without a database")
	}
	if n := p.Counts(); n != (Counts{}) {
		t.Errorf("answered without a database: %+v", n)
	}
	if info := b.consumer(); info.AckFloor.Stream != 0 {
		t.Error("the command was acknowledged")
	}
}

// TestStopWithoutBroker holds that a participant can be stopped while the broker is away.
func TestStopWithoutBroker(t *testing.T) {
	b := newBus(t)
	stop := b.run(b.participant(b.open(b.path())))
	b.server.Shutdown()
	b.server.WaitForShutdown()
	must(t, stop())
}

// TestService holds that a running participant can be found with its actions and its store.
func TestService(t *testing.T) {
	b := newBus(t)
	db := b.open(b.path())
	stop := b.run(b.participant(db))
	m, err := b.conn.Request("$SRV.INFO.giro-P", nil, patience)
	must(t, err)
	var info micro.Info
	must(t, json.Unmarshal(m.Data, &info))
	want := map[string]string{"actions": "do", "undos": "undo", "store": db.StoreID(), "prefix": "saga"}
	for k, v := range want {
		if info.Metadata[k] != v {
			t.Errorf("%s: %q, want %q", k, info.Metadata[k], v)
		}
	}
	must(t, stop())
	b.eventually("a stopped participant is not found", func() bool {
		_, err := b.conn.Request("$SRV.INFO.giro-P", nil, patience)
		return errors.Is(err, nats.ErrNoResponders)
	})
}

func TestConfig(t *testing.T) {
	db, err := Open(t.Context(), filepath.Join(t.TempDir(), "p.db"), nil)
	must(t, err)
	defer db.Close()
	for name, cfg := range map[string]Config{
		"no name":     {DB: db},
		"bad name":    {Name: "a.b", DB: db},
		"no database": {Name: "P"},
		"bad prefix":  {Name: "P", DB: db, Prefix: "a.b"},
		"negative":    {Name: "P", DB: db, MaxPending: -1},
	} {
		cfg.Log = zerolog.Nop()
		if _, err := New(cfg); !errors.Is(err, ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
	p, err := New(Config{Name: "P", DB: db, Log: zerolog.Nop()})
	must(t, err)
	if err := p.Run(t.Context()); !errors.Is(err, ErrConfig) {
		t.Errorf("no broker: %v", err)
	}
}
