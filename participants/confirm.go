package participants

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/saga"
)

// HandleConfirm registers the handler of the action that makes a hold final: a forward whose step
// run is "<id>.confirm", after a try as "<id>.try". It gets the arguments, which are the try's, and
// the result that this participant recorded for the try. Without a try that succeeded here and
// still stands the command is answered as a conflict and the handler is not called: see
// [saga.CheckTry]. In all else it is a handler as [Handle] registers it, and shares the names of
// actions with those.
//
// What a hold is worth must come from what the try recorded, never from args: a command must not
// be able to take more than was held.
func HandleConfirm[Args, Tried, Result any](p *Participant, action string,
	h func(ctx context.Context, tx Tx, args Args, tried Tried) (Result, error)) {
	p.register(p.forwards, action, func(ctx context.Context, tx Tx, body, _ []byte) ([]byte, error) {
		args, err := decode[Args](body)
		if err != nil {
			return nil, err
		}
		run, result, err := findTry(ctx, tx, lastTries[p.db.Dialect()])
		if err != nil {
			return nil, err
		}
		var tried Tried
		if err := json.Unmarshal(result, &tried); err != nil {
			return nil, fmt.Errorf("decode the recorded result of %s: %w", run, err)
		}
		return encode(h(context.WithValue(ctx, tryKey{}, run), tx, args, tried))
	})
}

type tryKey struct{}

// TryFrom returns the step run of the try that is being confirmed: "hold.try", or "hold.try~1" if an
// operator had it run afresh. Outside of a confirm's handler it is empty.
func TryFrom(ctx context.Context) string {
	run, _ := ctx.Value(tryKey{}).(string)
	return run
}

// contradiction is the error of a command that contradicts what is recorded: nothing of it may
// stand, and it is answered as a conflict.
type contradiction struct{ saga.Record }

func (c *contradiction) Error() string { return c.Message }

// Code is the conflict's code.
func (c *contradiction) Code() string { return c.Record.Code }

// findTry returns the step run and the recorded result of the try that the command confirms. It
// runs beneath the confirm's own row, so it says nothing to a confirm that was fenced: such a one
// comes late and finds its try undone, and that is as it should be.
func findTry(ctx context.Context, tx Tx, query string) (run string, result []byte, err error) {
	c := CommandFrom(ctx)
	step, ok := saga.TryOf(c.Step)
	if !ok {
		return "", nil, Reject(CodeUnknownAction, "%s confirms a hold, and step %s is no confirm", c.Action, c.Step)
	}
	var try saga.Row
	var own string
	err = tx.QueryRowContext(ctx, query, c.SagaID, c.Step, step).Scan(&own, &run, &try.Origin, &try.State, &result)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", nil, fmt.Errorf("find the try of %s/%s: %w", c.SagaID, c.Step, err)
	}
	if rec, ok := saga.CheckTry(try, own); !ok {
		return "", nil, &contradiction{rec}
	}
	return run, result, nil
}

// lastTry reads the last run of a try beside the row of its confirm, whose origin must be the
// same. A run is followed by a fresh one only if it was refused or fenced, so the last one counts.
const lastTry = `SELECT own.origin, try.step, try.origin, try.state, try.result
	FROM inbox own JOIN inbox try ON try.saga = own.saga
		AND (try.step = ?3 OR substr(try.step, 1, length(?3) + 1) = ?3 || '~')
	WHERE own.saga = ?1 AND own.step = ?2
	ORDER BY length(try.step) DESC, try.step DESC LIMIT 1`

// lastTries are by dialect. On Postgres another writer may be about to undo the try.
var lastTries = map[outbox.Dialect]string{outbox.SQLite: lastTry, outbox.Postgres: lastTry + " FOR UPDATE"}
