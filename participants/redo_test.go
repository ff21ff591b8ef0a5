package participants

import (
	"context"
	"encoding/json"
	"strconv"
	"sync"
	"testing"

	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/saga"
	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"
)

// TestRedo: what an older copy lacks is done in the order of the answers, what waits for others after them. A
// refusal is recorded without asking the handler. Only then are commands read, and the commits that follow have
// numbers above all that were used.
func TestRedo(t *testing.T) {
	b := newBus(t)
	lost := wire.Lost{Items: []wire.LostItem{b.lost("needs", saga.Forward, saga.Succeeded), b.lost("needs", saga.Backward, saga.Succeeded),
		b.lost("refused", saga.Forward, saga.Rejected), b.lost("fenced", saga.Inquire, saga.Fenced), b.lost("first", saga.Forward, saga.Succeeded)}}
	replayed := make(chan wire.Hello, 1)
	b.answers(wire.VerbHello, func(m *nats.Msg) any {
		var h wire.Hello
		_ = json.Unmarshal(m.Data, &h)
		if h.Replayed == nil {
			return wire.Welcome{State: wire.WelcomeReplay, Ahead: 100}
		}
		replayed <- h
		return wire.Welcome{State: wire.WelcomeServe, Ahead: 100}
	})
	b.answers(wire.VerbLost, func(*nats.Msg) any { return lost })
	must(t, b.conn.Flush())

	db, err := Open(t.Context(), t.TempDir()+"/p.db", nil)
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	p, err := New(Config{Name: "P", DB: db, Conn: b.connect(), Log: zerolog.Nop()})
	must(t, err)
	var mu sync.Mutex
	var ran []string
	there := map[string]bool{}
	Handle(p, "do", func(ctx context.Context, _ Tx, _ struct{}) (struct{}, error) {
		mu.Lock()
		defer mu.Unlock()
		id := CommandFrom(ctx).SagaID
		if id == "needs" && !there["first"] {
			return struct{}{}, Reject("too_early", "first comes first")
		}
		there[id], ran = true, append(ran, id)
		return struct{}{}, nil
	})
	HandleUndo(p, "undo", func(ctx context.Context, _ Tx, _, _ struct{}) (struct{}, error) {
		mu.Lock()
		defer mu.Unlock()
		ran = append(ran, "undo "+CommandFrom(ctx).SagaID)
		return struct{}{}, nil
	})
	b.send(saga.Command{SagaID: "new", SagaType: "t", Step: "s", Kind: saga.Compensatable, Direction: saga.Forward, Attempt: 1, Participant: "P", Action: "do", Key: "k", Body: []byte("{}")})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	h := <-replayed
	if h.Replayed.Done != 5 || h.Replayed.Differ != 0 || h.Commit <= 100 {
		t.Errorf("%+v %+v", h, h.Replayed)
	}
	r, m := b.reply()
	if n, _ := strconv.Atoi(m.Header.Get(wire.HeaderCommit)); r.SagaID != "new" || n <= 100 || m.Header.Get(wire.HeaderSession) != h.Session {
		t.Errorf("%+v, %v", r, m.Header)
	}
	stop()
	must(t, <-ended)
	if got := len(ran); got != 4 || ran[0] != "first" || ran[1] != "needs" || ran[2] != "undo needs" || ran[3] != "new" {
		t.Errorf("ran %v", ran)
	}
}

// lost is a command as it is to be done again.
func (b *bus) lost(id string, d saga.Direction, o saga.Outcome) wire.LostItem {
	c := saga.Command{SagaID: id, SagaType: "t", Step: "s", Kind: saga.Compensatable, Direction: d, Attempt: 1, Participant: "P", Action: "do", Key: "k", Body: []byte("{}")}
	switch {
	case d == saga.Backward:
		c.Action, c.Known = "undo", saga.KnownSucceeded
	case o == saga.Succeeded:
		c.Kind = saga.Retriable
	}
	item := wire.LostItem{Outcome: o, Body: c.Body, Code: "no_funds", Message: "none"}
	item.Subject, item.Header = wire.EncodeCommand(b.names, c, origin)
	item.Header[wire.HeaderAttempt] = []string{"1"}
	return item
}

// answers is an orchestrator's verb.
func (b *bus) answers(verb string, with func(m *nats.Msg) any) {
	b.Helper()
	_, err := b.conn.Subscribe(b.names.API(verb), func(m *nats.Msg) {
		data, _ := json.Marshal(with(m))
		_ = m.Respond(data)
	})
	must(b, err)
}
