package client

import (
	"context"

	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/saga"
)

// Cancel asks for what ran to be undone. After the pivot that is remembered only. A reason is
// required. The saga is returned as it is then; it may still end completed.
func (c *Client) Cancel(ctx context.Context, id, reason string) (saga.Document, error) {
	return call[saga.Document](ctx, c, "cancel", wire.Operation{ID: id, Reason: reason})
}

// Retry lets a suspended saga go on with the operation it was suspended for. A reason is required.
// A saga in another state is a *Problem with [CodeConflict].
func (c *Client) Retry(ctx context.Context, id, reason string) (saga.Document, error) {
	return c.RetryStep(ctx, id, "", reason)
}

// RetryStep is [Client.Retry] for one step of several that need a person.
func (c *Client) RetryStep(ctx context.Context, id, step, reason string) (saga.Document, error) {
	return call[saga.Document](ctx, c, "retry", wire.Operation{ID: id, Step: step, Reason: reason})
}

// Signal tells a saga what one of its steps awaits, also before that step begins. Data is as the
// input of [Client.Start]. The same signal again changes nothing; the same name with other data, and
// a name that no step awaits, is a *Problem with [CodeConflict].
func (c *Client) Signal(ctx context.Context, id, name string, data any) (saga.Document, error) {
	body, err := encode(data)
	if err != nil {
		return saga.Document{}, err
	}
	return call[saga.Document](ctx, c, "signal", wire.SignalRequest{ID: id, Name: name, Data: body})
}

// Skip lets a saga go on without a step. If the step's command is out, its participant is asked
// first: an effect that stands makes the step succeed after all. Force does not ask, and leaves an
// open operation that the audit reports.
func (c *Client) Skip(ctx context.Context, id, step, reason string, force bool) (saga.Document, error) {
	return call[saga.Document](ctx, c, "skip", wire.Operation{ID: id, Step: step, Reason: reason, Force: force})
}

// Resolve says that a person has done by hand what a step, or its undo, should do. The participant is
// asked first, as with [Client.Skip]. Result is what the steps after it see, as the input of
// [Client.Start]; nil for an undo.
func (c *Client) Resolve(ctx context.Context, id, step, reason string, result any, force bool) (saga.Document, error) {
	op := wire.Operation{ID: id, Step: step, Reason: reason, Force: force}
	if result != nil {
		body, err := encode(result)
		if err != nil {
			return saga.Document{}, err
		}
		op.Result = body
	}
	return call[saga.Document](ctx, c, "resolve", op)
}

// Abandon closes a saga as it stands: nothing more is done, nothing is undone. What is out is fenced
// first, so the saga may be suspended for a while; its cause then says which steps were left.
func (c *Client) Abandon(ctx context.Context, id, reason string, force bool) (saga.Document, error) {
	return call[saga.Document](ctx, c, "abandon", wire.Operation{ID: id, Reason: reason, Force: force})
}

// Pause stops what a saga, all sagas of a type, or a participant would be sent: commands are parked, deadlines
// and timeouts wait, silence is nobody's fault. Replies are still taken, starts still accepted. The same
// again changes nothing.
func (c *Client) Pause(ctx context.Context, req PauseRequest) (Pause, error) {
	return call[Pause](ctx, c, "pause", req)
}

// Resume ends a pause. It returns when the lost time is given back to every saga concerned; what is parked is
// then sent little by little, oldest first.
func (c *Client) Resume(ctx context.Context, req PauseRequest) (Pause, error) {
	return call[Pause](ctx, c, "resume", req)
}
