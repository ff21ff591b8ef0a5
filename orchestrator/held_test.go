package orchestrator

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/saga"
)

// A batch that was rolled back runs again, with the same events: what it has found about pauses is found anew.
func TestAWokenSagaIsJudgedAnew(t *testing.T) {
	m := &mover{members: &members{all: map[string]*member{}}, older: &olderCopy{}, pauses: &pauses{holding: map[string]*pause{"type loan": {kind: pausedType, name: "loan"}}}, batch: &batch{}}
	e := &entry{in: saga.Instance{Type: "loan"}}
	event := m.heldBack(saga.Woke{}, e)
	if woke := event.(saga.Woke); !woke.Held {
		t.Error("not held")
	}
	clear(m.pauses.holding)
	if woke := m.heldBack(event, e).(saga.Woke); woke.Held {
		t.Error("held by nothing")
	}
}

// A participant that answers when it is resumed, but its sagas have not been given their time back yet: the
// saga is not among those it is out to any more, and gets its time with the answer.
func TestAnAnswerBeforeTheTimeIsGivenBack(t *testing.T) {
	ctx := context.Background()
	db, err := outbox.Open(ctx, outbox.Config{Path: filepath.Join(t.TempDir(), "o.db"), Migrations: Migrations()})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	def, err := saga.ParseJSON([]byte(`{"saga":"s","deadline":"3h","steps":[{"id":"a","participant":"P","action":"a","undo":"u"},{"id":"b","participant":"Q","action":"b"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	names, err := wire.New("")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	m := &mover{members: &members{all: map[string]*member{}}, older: &olderCopy{}, names: names, origin: "o", registry: &registry{byName: map[string][]*stored{"s": {{Definition: def}}}}, cache: newCache(cacheBytes),
		pauses: &pauses{holding: map[string]*pause{}}, now: func() time.Time { return now }}
	apply := func(w *work) *entry {
		t.Helper()
		if err := db.Write(ctx, func(tx outbox.Tx) error { m.Begin(); return m.Apply(tx, w) }); err != nil || w.out.err != nil {
			t.Fatal(err, w.out.err)
		}
		return w.out.entry
	}
	before := apply(&work{id: "S-1", begin: &begin{def: def, input: []byte(`{}`)}})
	m.pauses.ending = []*pause{{kind: pausedParticipant, name: "P", since: now.Add(time.Hour)}}
	now = now.Add(11 * time.Hour)
	after := apply(&work{id: "S-1", event: saga.Replied{At: now, Reply: saga.Reply{Participant: "P", Step: "a", Direction: saga.Forward, Attempt: 1, Outcome: saga.Succeeded}}})
	if lost := after.in.Deadline.Sub(before.in.Deadline); lost != 10*time.Hour {
		t.Errorf("given back %v", lost)
	}
}
