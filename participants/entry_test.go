package participants

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/girohq/giro/saga"
)

type taken struct{}

// TestEntry holds the order around a batch: enter, transaction, replies, leave; and that a command
// which may not enter is answered with a retry, is not recorded, and keeps nobody.
func TestEntry(t *testing.T) {
	k := newKit(t)
	var story []string
	k.mode["look"] = func(ctx context.Context, _ Tx) error {
		story = append(story, fmt.Sprint("handler ", ctx.Value(taken{})))
		return nil
	}
	k.w.p.enter = func(commands []saga.Command) Entry {
		e := Entry{Values: context.WithValue(t.Context(), taken{}, "lock"), Leave: func() { story = append(story, "leave") }}
		for _, c := range commands {
			story = append(story, "enter "+c.SagaID)
			e.Refused = append(e.Refused, map[string]error{"busy": WithCode("account_locked", errors.New("somebody has it"))}[c.SagaID])
		}
		return e
	}
	busy, free := forward("look"), forward("look")
	busy.SagaID = "busy"
	admitted := k.w.Enter([]*delivery{{command: busy}, {command: free}})
	if len(admitted) != 1 || admitted[0].command.SagaID != "S" {
		t.Fatalf("%d commands may go on", len(admitted))
	}
	must(t, k.applyDelivery(admitted[0]))
	k.w.Leave()
	if want := []string{"enter busy", "enter S", "handler lock", "leave"}; !slices.Equal(story, want) {
		t.Errorf("%q, want %q", story, want)
	}
	reply := <-k.sent
	if outcome, code := reply.Header.Get("Saga-Outcome"), reply.Header.Get("Saga-Error-Code"); outcome != "retry" || code != "account_locked" {
		t.Errorf("who may not enter is told %v", reply.Header)
	}
	k.wantEffects("[do]")
}

// TestEntryOfApply holds that Apply enters and leaves too.
func TestEntryOfApply(t *testing.T) {
	k := newKit(t)
	left := 0
	refused := []error{errors.New("not now")}
	k.w.p.enter = func([]saga.Command) Entry { return Entry{Refused: refused, Leave: func() { left++ }} }
	r, err := k.w.p.Apply(t.Context(), forward(""), origin)
	must(t, err)
	refused = nil
	again, err := k.w.p.Apply(t.Context(), forward(""), origin)
	must(t, err)
	if r.Outcome != saga.Retried || again.Outcome != saga.Succeeded || left != 2 {
		t.Errorf("%s, then %s, left %d times", r.Outcome, again.Outcome, left)
	}
}
