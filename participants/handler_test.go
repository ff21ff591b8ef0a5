package participants

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/saga"
)

func refuse(context.Context, Tx) error { return Reject("refused", "not %s", "today") }

// TestFailuresOfHandlers holds what each way to fail is answered with in each direction, and
// that nothing of a failed handler stands: neither its writes nor, but for a refusal, a row.
func TestFailuresOfHandlers(t *testing.T) {
	retriable := forward("fail")
	retriable.Kind = saga.Retriable
	read := forward("fail")
	read.Kind = saga.Read
	tests := []struct {
		name    string
		fail    func(context.Context, Tx) error
		command saga.Command
		outcome saga.Outcome
		code    string
		row     saga.RowState
	}{
		{"refusal", refuse, forward("fail"), saga.Rejected, "refused", saga.RowRejected},
		{"refusal of a read", refuse, read, saga.Rejected, "refused", saga.RowRejected},
		{"refusal of a retriable", refuse, retriable, saga.Retried, "refused", saga.RowNone},
		{"wrapped refusal", func(ctx context.Context, tx Tx) error { return errors.Join(errors.New("x"), refuse(ctx, tx)) },
			forward("fail"), saga.Rejected, "refused", saga.RowRejected},
		{"refusal with a bad code", func(context.Context, Tx) error { return Reject("no.token\r\n", "x") },
			forward("fail"), saga.Rejected, CodeError, saga.RowRejected},
		{"retry", func(context.Context, Tx) error { return Retry(errors.New("busy")) }, forward("fail"), saga.Retried, CodeError, saga.RowNone},
		{"coded retry", func(context.Context, Tx) error { return Retry(WithCode("system_closed", errors.New("x"))) },
			forward("fail"), saga.Retried, "system_closed", saga.RowNone},
		{"other error", func(context.Context, Tx) error { return errors.New("x") }, forward("fail"), saga.Retried, CodeError, saga.RowNone},
		{"panic", func(context.Context, Tx) error { panic("x") }, forward("fail"), saga.Retried, CodePanic, saga.RowNone},
		{"nil panic", func(context.Context, Tx) error { panic(error(nil)) }, forward("fail"), saga.Retried, CodePanic, saga.RowNone},
		{"commit", commit, forward("fail"), saga.Retried, CodeError, saga.RowNone},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			k := newKit(t)
			k.mode["fail"] = tt.fail
			d := k.apply(tt.command)
			k.want(d, tt.outcome, tt.code)
			if got := k.stored().State; got != tt.row {
				t.Errorf("row is %q, want %q", got, tt.row)
			}
			k.wantEffects("[]")
		})
	}
}

// commit tries to end the transaction under the loop.
func commit(ctx context.Context, tx Tx) error {
	_, err := tx.ExecContext(ctx, `COMMIT`)
	return err
}

// TestFailedAttemptCanSucceedLater holds that a retry leaves nothing that stops the next attempt.
func TestFailedAttemptCanSucceedLater(t *testing.T) {
	k := newKit(t)
	k.mode["flaky"] = func(context.Context, Tx) error { return RetryAfter(errors.New("x"), 3*time.Second) }
	d := k.apply(forward("flaky"))
	k.want(d, saga.Retried, CodeError)
	if d.answer.after != 3*time.Second {
		t.Errorf("retry after %v", d.answer.after)
	}
	delete(k.mode, "flaky")
	k.want(k.apply(forward("flaky")), saga.Succeeded, "")
	k.wantEffects("[do]")
}

// TestUndoNeverRefuses holds that an undo's refusal is answered as a retry, leaves the forward's
// row as it was, and that the undo can succeed later.
func TestUndoNeverRefuses(t *testing.T) {
	k := newKit(t)
	k.apply(forward("m"))
	before := k.stored()
	k.mode["m"] = refuse
	k.want(k.apply(backward("m", saga.KnownSucceeded)), saga.Retried, "refused")
	if after := k.stored(); after.State != before.State || after.Undo != nil {
		t.Errorf("the row changed: %+v", after)
	}
	k.wantEffects("[do]")
	delete(k.mode, "m")
	k.want(k.apply(backward("m", saga.KnownSucceeded)), saga.Succeeded, "")
	k.wantEffects("[do undo]")
}

func TestUnknownActionsAndArguments(t *testing.T) {
	with := func(c saga.Command, action, body string) saga.Command {
		c.Action, c.Body = action, []byte(body)
		return c
	}
	retriable := forward("")
	retriable.Kind = saga.Retriable
	tests := []struct {
		name    string
		command saga.Command
		outcome saga.Outcome
		code    string
	}{
		{"unknown action", with(forward(""), "dance", `{}`), saga.Rejected, CodeUnknownAction},
		{"undo action as forward", with(forward(""), "undo", `{}`), saga.Rejected, CodeUnknownAction},
		{"unknown retriable action", with(retriable, "dance", `{}`), saga.Retried, CodeUnknownAction},
		{"no JSON", with(forward(""), "do", `mode`), saga.Rejected, CodeInvalidArguments},
		{"empty", with(forward(""), "do", ``), saga.Rejected, CodeInvalidArguments},
		{"not an object", with(forward(""), "do", `["mode"]`), saga.Rejected, CodeInvalidArguments},
		{"wrong type", with(forward(""), "do", `{"mode":1}`), saga.Rejected, CodeInvalidArguments},
		{"duplicate key", with(forward(""), "do", `{"mode":"a","mode":"b"}`), saga.Rejected, CodeInvalidArguments},
		{"wrong type, retriable", with(retriable, "do", `{"mode":1}`), saga.Retried, CodeInvalidArguments},
		{"more fields", with(forward(""), "do", `{"mode":"","more":[1]}`), saga.Succeeded, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			k := newKit(t)
			k.want(k.apply(tt.command), tt.outcome, tt.code)
			k.want(k.apply(tt.command), tt.outcome, tt.code)
		})
	}
	t.Run("undo", func(t *testing.T) {
		k := newKit(t)
		k.apply(forward(""))
		k.want(k.apply(with(backward("", saga.KnownSucceeded), "dance", `{}`)), saga.Retried, CodeUnknownAction)
		k.want(k.apply(with(backward("", saga.KnownSucceeded), "undo", `{"mode":1}`)), saga.Retried, CodeInvalidArguments)
		k.wantEffects("[do]")
	})
}

// TestResultsMustBeObjects holds that a result which no reply can carry undoes the handler's work.
func TestResultsMustBeObjects(t *testing.T) {
	k := newKit(t)
	effect := func(ctx context.Context, tx Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO effects (saga, kind) VALUES ('S', 'x')`)
		return err
	}
	Handle(k.w.p, "list", func(ctx context.Context, tx Tx, _ struct{}) ([]int, error) { return []int{1}, effect(ctx, tx) })
	Handle(k.w.p, "large", func(ctx context.Context, tx Tx, _ struct{}) (map[string]string, error) {
		return map[string]string{"x": strings.Repeat("x", 256<<10)}, effect(ctx, tx)
	})
	Handle(k.w.p, "nothing", func(ctx context.Context, tx Tx, _ struct{}) (*result, error) { return nil, effect(ctx, tx) })
	for _, action := range []string{"list", "large"} {
		c := forward("")
		c.Action = action
		k.want(k.apply(c), saga.Retried, CodeInvalidResult)
	}
	k.wantEffects("[]")
	c := forward("")
	c.Action = "nothing"
	if d := k.apply(c); d.answer.Outcome != saga.Succeeded || string(d.answer.Body) != "{}" {
		t.Errorf("a nil result is answered %s %s", d.answer.Outcome, d.answer.Body)
	}
	k.wantEffects("[x]")
}

// TestHandlerContext holds that a cancelled context does not end the transaction that other
// commands share, and that the handler can see its command.
func TestHandlerContext(t *testing.T) {
	k := newKit(t)
	k.mode["cancel"] = func(ctx context.Context, tx Tx) error {
		if CommandFrom(ctx).Op() != "S/s/forward" || ctx.Done() != nil {
			return errors.New("wrong context")
		}
		ctx, cancel := context.WithCancel(ctx)
		cancel()
		_, err := tx.ExecContext(ctx, `INSERT INTO effects (saga, kind) VALUES ('S', 'cancelled')`)
		return err
	}
	k.want(k.apply(forward("cancel")), saga.Succeeded, "")
	k.wantEffects("[do cancelled]")
	if c := CommandFrom(t.Context()); c.SagaID != "" {
		t.Errorf("a command out of nowhere: %+v", c)
	}
}

// TestSwallowedErrors holds that a handler which is refused a COMMIT and goes on is still whole.
func TestSwallowedErrors(t *testing.T) {
	k := newKit(t)
	k.mode["swallow"] = func(ctx context.Context, tx Tx) error {
		if commit(ctx, tx) == nil {
			t.Error("a handler could commit")
		}
		return nil
	}
	k.want(k.apply(forward("swallow")), saga.Succeeded, "")
	k.wantEffects("[do]")
}

// TestLostTransaction holds that a handler which ends the transaction takes no other command
// with it: the batch runs again one by one, and the culprit is answered with a retry.
func TestLostTransaction(t *testing.T) {
	k := newKit(t)
	k.mode["lose"] = func(ctx context.Context, tx Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT OR ROLLBACK INTO effects (n, saga, kind) SELECT max(n), 'S', 'x' FROM effects`)
		if err == nil {
			t.Error("the conflict did not happen")
		}
		return nil
	}
	loop := outbox.NewLoop(k.db, k.w, 8)
	for i, mode := range []string{"", "lose", ""} {
		c := forward(mode)
		c.SagaID = string(rune('A' + i))
		must(t, loop.Submit(t.Context(), &delivery{command: c}))
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	must(t, loop.Run(stopped))
	for _, want := range []struct{ id, outcome string }{{"A", "succeeded"}, {"B", "retry"}, {"C", "succeeded"}} {
		m := <-k.sent
		if id, outcome := m.Header.Get("Saga-Id"), m.Header.Get("Saga-Outcome"); id != want.id || outcome != want.outcome {
			t.Errorf("%s: %s, want %s: %s", id, outcome, want.id, want.outcome)
		}
		if hasCommit := m.Header.Get("Saga-Participant-Commit") != ""; hasCommit != (want.outcome == "succeeded") {
			t.Errorf("%s tells of a commit: %v", want.id, hasCommit)
		}
	}
	k.wantEffects("[do do]")
}

// TestClosedDatabase holds that commands the loop never came to are not answered: they are still
// in the stream, for the next process.
func TestClosedDatabase(t *testing.T) {
	k := newClosingKit(t)
	loop := outbox.NewLoop(k.db, k.w, 2*outbox.MaxBatch)
	for range outbox.MaxBatch + 1 {
		must(t, loop.Submit(t.Context(), &delivery{command: forward("")}))
	}
	must(t, k.db.Close())
	if err := loop.Run(t.Context()); !errors.Is(err, outbox.ErrClosed) {
		t.Fatalf("Run: %v", err)
	}
	if len(k.sent) != 0 {
		t.Errorf("%d replies, first %v", len(k.sent), (<-k.sent).Header)
	}
}

func TestRegistrationMistakes(t *testing.T) {
	k := newKit(t)
	k.register(k.w.p)
	Handle(k.w.p, "no.token", func(context.Context, Tx, toDo) (result, error) { return result{}, nil })
	err := k.w.p.Run(t.Context())
	if !errors.Is(err, ErrConfig) {
		t.Fatalf("Run: %v", err)
	}
	for _, part := range []string{`"do" is registered twice`, `"undo" is registered twice`, `no.token`} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%v does not tell of %s", err, part)
		}
	}
}

func TestClip(t *testing.T) {
	if got := clip(strings.Repeat("x", maxMessage-1) + "é"); got != strings.Repeat("x", maxMessage-1) {
		t.Errorf("clipped to %d bytes", len(got))
	}
}
