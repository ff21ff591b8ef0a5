package participants

import (
	"context"
	"errors"
	"testing"

	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/saga"
	"github.com/google/go-cmp/cmp"
)

// TestOverheard plays what a slow network makes of one step: each order of arrival has an answer
// that no later one contradicts.
func TestOverheard(t *testing.T) {
	t.Run("undo before its command", func(t *testing.T) {
		k := newKit(t)
		k.want(k.apply(backward("", saga.KnownUnknown)), saga.Succeeded, "")
		for attempt := range 3 {
			c := forward("")
			c.Attempt = attempt + 1
			k.want(k.apply(c), saga.Fenced, "fenced")
		}
		k.want(k.apply(backward("", saga.KnownUnknown)), saga.Succeeded, "")
		k.wantEffects("[]")
	})
	t.Run("attempt 1 after attempt 2 and its undo", func(t *testing.T) {
		k := newKit(t)
		second := forward("")
		second.Attempt = 2
		k.want(k.apply(second), saga.Succeeded, "")
		k.want(k.apply(backward("", saga.KnownSucceeded)), saga.Succeeded, "")
		k.want(k.apply(forward("")), saga.Fenced, "fenced")
		k.wantEffects("[do undo]")
	})
	t.Run("retry, then its late copy after the undo", func(t *testing.T) {
		k := newKit(t)
		k.mode["m"] = func(_ context.Context, _ Tx) error { return errors.New("x") }
		k.want(k.apply(forward("m")), saga.Retried, CodeError)
		delete(k.mode, "m")
		k.want(k.apply(backward("m", saga.KnownUnknown)), saga.Succeeded, "")
		k.want(k.apply(forward("m")), saga.Fenced, "fenced")
		k.wantEffects("[]")
	})
	t.Run("two runs of one step", func(t *testing.T) {
		k := newKit(t)
		fresh := forward("")
		fresh.Step = "s~1"
		k.want(k.apply(inquire("")), saga.Fenced, "fenced")
		k.want(k.apply(fresh), saga.Succeeded, "")
		k.want(k.apply(forward("")), saga.Fenced, "fenced")
		k.wantEffects("[do]")
	})
}

// TestConflicts holds that a command which contradicts what is recorded is answered so, runs
// nothing, and changes no byte of the row.
func TestConflicts(t *testing.T) {
	otherBody := func(c saga.Command) saga.Command { c.Body = []byte(`{"mood":""}`); return c }
	otherAction := func(c saga.Command) saga.Command { c.Action = "dance"; return c }
	same := func(c saga.Command) saga.Command { return c }
	tests := []struct {
		name   string
		path   []saga.Command
		change func(saga.Command) saga.Command
		then   saga.Command
		origin string
		code   string // empty: no conflict
	}{
		{"forward of another origin", []saga.Command{forward("")}, same, forward(""), "other", "other_origin"},
		{"undo of another origin", []saga.Command{forward("")}, same, backward("", saga.KnownUnknown), "other", "other_origin"},
		{"inquiry of another origin", []saga.Command{forward("")}, same, inquire(""), "other", "other_origin"},
		{"forward of another body", []saga.Command{forward("")}, otherBody, forward(""), origin, "other_content"},
		{"forward of another action", []saga.Command{forward("")}, otherAction, forward(""), origin, "other_content"},
		{"inquiry of another body", []saga.Command{forward("")}, otherBody, inquire(""), origin, "other_content"},
		{"late forward of another body", []saga.Command{inquire("")}, otherBody, late(""), origin, "other_content"},
		{"undo of another body", []saga.Command{backward("", saga.KnownUnknown)}, otherBody, backward("", saga.KnownUnknown), origin, "other_content"},
		{"close of another body", []saga.Command{closing("")}, otherBody, closing(""), origin, "other_content"},
		{"first undo has its own hash", []saga.Command{inquire("")}, otherBody, backward("", saga.KnownUnknown), origin, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			k := newKit(t)
			for _, c := range tt.path {
				k.apply(c)
			}
			before, effects := k.stored(), k.effects()
			d := &delivery{command: tt.change(tt.then), envelope: wire.Envelope{Origin: tt.origin}}
			must(t, k.applyDelivery(d))
			if tt.code == "" {
				k.want(d, saga.Succeeded, "")
				return
			}
			k.want(d, saga.Conflict, tt.code)
			if diff := cmp.Diff(before, k.stored()); diff != "" {
				t.Errorf("the row changed:\n%s", diff)
			}
			k.wantEffects(effects)
		})
	}
}

// TestContentHash holds that no two different contents have the same hash by moving a border.
func TestContentHash(t *testing.T) {
	hash := func(participant, action, body string) string {
		return contentHash(&saga.Command{Participant: participant, Action: action, Body: []byte(body)})
	}
	seen := map[string]string{}
	for _, c := range [][3]string{{"ab", "c", "{}"}, {"a", "bc", "{}"}, {"abc", "", "{}"}, {"ab", "c{}", ""}, {"ab", "c", "{ }"}} {
		h := hash(c[0], c[1], c[2])
		if other, taken := seen[h]; taken {
			t.Errorf("%q has the hash of %s", c, other)
		}
		seen[h] = c[0] + "," + c[1] + "," + c[2]
	}
}

// TestCommitNumbers holds that the number on replies grows with each transaction that stands, also over
// a restart. On SQLite it grows with no other; on Postgres there are gaps.
func TestCommitNumbers(t *testing.T) {
	k := newClosingKit(t)
	first := k.apply(forward("")).commit
	lost := errors.New("roll back")
	err := k.db.Write(t.Context(), func(tx Tx) error {
		k.w.Begin()
		return errors.Join(k.w.Apply(tx, &delivery{command: inquire(""), envelope: wire.Envelope{Origin: origin}}), lost)
	})
	if !errors.Is(err, lost) {
		t.Fatal(err)
	}
	second := k.apply(forward("")).commit
	if second <= first || k.db.Dialect() == outbox.SQLite && second != first+1 {
		t.Errorf("commit %d follows %d", second, first)
	}
	k.reopen()
	if third := k.apply(forward("")).commit; third <= second {
		t.Errorf("after the restart commit %d follows %d", third, second)
	}
}

// TestMessageIDs holds that no two replies of a store have the same id, over restarts too.
func TestMessageIDs(t *testing.T) {
	k := newClosingKit(t)
	seen := map[string]bool{}
	take := func() {
		id := k.w.p.nextMessageID()
		if seen[id] {
			t.Errorf("id %s was given twice", id)
		}
		seen[id] = true
	}
	take()
	take()
	k.reopen()
	k.w.p = &Participant{db: k.db}
	take()
	take()
}
