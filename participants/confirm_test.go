package participants

import (
	"context"
	"testing"

	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/saga"
)

// tryAt is a command of another step run and action, with the arguments of the confirm.
func tryAt(step string, c saga.Command) saga.Command {
	c.Step = step
	return c
}

func confirmAt(step, mode string) saga.Command {
	c := forward(mode)
	c.Step, c.Action, c.Kind = step, "confirm", saga.Pivot
	return c
}

// newHoldKit has the kit's "do" as try, its "undo" as cancel, and a confirm.
func newHoldKit(t *testing.T) *kit {
	k := newKit(t)
	k.mode["refuse"] = refuse
	HandleConfirm(k.w.p, "confirm", func(ctx context.Context, tx Tx, a toDo, tried result) (result, error) {
		if tried.Run == 0 || TryFrom(ctx) == "" {
			t.Errorf("confirmed after %q with the result %+v of the try", TryFrom(ctx), tried)
		}
		return k.handle(ctx, tx, "confirm", a)
	})
	return k
}

// TestConfirmMeetsItsTry brings the try to each state before its confirm comes. Only a try that
// stands lets the confirm run; in all other cells nothing runs and nothing is recorded, so the
// same command is answered by its try again later.
func TestConfirmMeetsItsTry(t *testing.T) {
	try, refused := tryAt("h.try", forward("")), tryAt("h.try", forward("refuse"))
	for _, tt := range []struct {
		name    string
		mode    string
		before  []saga.Command
		outcome saga.Outcome
		code    string
		effects string
	}{
		{"none", "", nil, saga.Conflict, "try_missing", "[]"},
		{"succeeded", "", []saga.Command{try}, saga.Succeeded, "", "[do confirm]"},
		{"rejected", "refuse", []saga.Command{refused}, saga.Conflict, "try_missing", "[]"},
		{"fenced", "", []saga.Command{tryAt("h.try", inquire(""))}, saga.Conflict, "try_missing", "[]"},
		{"undone", "", []saga.Command{try, tryAt("h.try", backward("", saga.KnownSucceeded))}, saga.Conflict, "try_missing", "[do undo]"},
		{"closed", "", []saga.Command{try, tryAt("h.try", closing(""))}, saga.Conflict, "try_missing", "[do]"},
		{"another step's", "", []saga.Command{tryAt("i.try", forward(""))}, saga.Conflict, "try_missing", "[do]"},
		{"the step itself", "", []saga.Command{tryAt("h", forward(""))}, saga.Conflict, "try_missing", "[do]"},
		{"succeeded afresh", "", []saga.Command{tryAt("h.try", inquire("")), tryAt("h.try~1", forward(""))}, saga.Succeeded, "", "[do confirm]"},
		{"succeeded the tenth time", "", []saga.Command{tryAt("h.try~2", inquire("")), tryAt("h.try~10", forward(""))}, saga.Succeeded, "", "[do confirm]"},
		{"refused afresh", "refuse", []saga.Command{tryAt("h.try", inquire("refuse")), tryAt("h.try~1", forward("refuse"))}, saga.Conflict, "try_missing", "[]"},
	} {
		for _, kind := range []saga.Kind{saga.Pivot, saga.Retriable} {
			t.Run(tt.name+" "+string(kind), func(t *testing.T) {
				k := newHoldKit(t)
				for _, c := range tt.before {
					k.apply(c)
				}
				c := confirmAt("h.confirm", "")
				c.Kind = kind
				k.want(k.apply(c), tt.outcome, tt.code)
				k.want(k.apply(c), tt.outcome, tt.code)
				k.wantEffects(tt.effects)
				if recorded := k.row("h.confirm").State != saga.RowNone; recorded != (tt.outcome == saga.Succeeded) {
					t.Errorf("recorded: %v", recorded)
				}
			})
		}
	}
}

// TestConfirmIsAForward holds that a confirm has a row of its own: its refusal is recorded or
// retried, its answer comes again when the try is long gone, and a fence keeps it out for ever.
func TestConfirmIsAForward(t *testing.T) {
	try, undo := tryAt("h.try", forward("")), tryAt("h.try", backward("", saga.KnownSucceeded))
	confirm := confirmAt("h.confirm", "")
	inquiry, retriable, late := confirm, confirmAt("h.confirm", "refuse"), confirm
	inquiry.Direction = saga.Inquire
	retriable.Kind = saga.Retriable
	late.Deadline = noon.Add(-1)
	for _, tt := range []struct {
		name    string
		before  []saga.Command
		command saga.Command
		outcome saga.Outcome
		code    string
	}{
		{"refused", []saga.Command{try}, confirmAt("h.confirm", "refuse"), saga.Rejected, "refused"},
		{"refused after the pivot", []saga.Command{try}, retriable, saga.Retried, "refused"},
		{"inquired first", []saga.Command{try, inquiry}, confirm, saga.Fenced, "fenced"},
		{"fenced, then the try undone", []saga.Command{try, inquiry, undo}, confirm, saga.Fenced, "fenced"},
		{"late", []saga.Command{try}, late, saga.Fenced, "fenced"},
		{"repeated after all", []saga.Command{try, confirm, tryAt("h.try", closing(""))}, confirm, saga.Succeeded, ""},
		{"afresh", []saga.Command{try, inquiry}, confirmAt("h.confirm~1", ""), saga.Succeeded, ""},
		{"under a step that is no confirm", []saga.Command{try}, confirmAt("h", ""), saga.Rejected, CodeUnknownAction},
		{"without arguments", []saga.Command{try}, saga.Command{SagaID: "S", Step: "h.confirm", Kind: saga.Pivot, Direction: saga.Forward,
			Attempt: 1, Participant: "P", Action: "confirm", Body: []byte(`[]`)}, saga.Rejected, CodeInvalidArguments},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k := newHoldKit(t)
			for _, c := range tt.before {
				k.apply(c)
			}
			k.want(k.apply(tt.command), tt.outcome, tt.code)
			k.want(k.apply(tt.command), tt.outcome, tt.code)
		})
	}
}

// TestConfirmOfAnotherOrigin: one store's hold is not another store's to confirm.
func TestConfirmOfAnotherOrigin(t *testing.T) {
	k := newHoldKit(t)
	k.apply(tryAt("h.try", forward("")))
	d := &delivery{command: confirmAt("h.confirm", ""), envelope: wire.Envelope{Origin: "other"}}
	must(t, k.applyDelivery(d))
	k.want(d, saga.Conflict, "other_origin")
	k.want(k.apply(d.command), saga.Succeeded, "")
	k.wantEffects("[do confirm]")
}
