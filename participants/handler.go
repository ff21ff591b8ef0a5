package participants

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/saga"
)

// Tx is the transaction of a batch as a handler sees it: it reads and writes, and cannot end it.
type Tx = outbox.Tx

// handler is a registered function without its types. done is the recorded forward result, for
// an undo. The body it returns is a JSON object.
type handler func(ctx context.Context, tx Tx, args, done []byte) ([]byte, error)

var emptyObject = []byte("{}")

// Handle registers the forward handler of an action. It runs at most once with success for each
// step run, in the transaction that records it, so its effect must be in tx and nowhere else.
// The transaction is shared with other commands: a handler must be quick and call no other
// system. Args is decoded from the command's body: unknown fields are allowed, fields of the
// wrong type are refused as [CodeInvalidArguments]. Result must marshal to a JSON object; a
// nil result is {}.
//
// Mistakes in registering are reported by [Participant.Run]. Register before calling it.
func Handle[Args, Result any](p *Participant, action string, h func(ctx context.Context, tx Tx, args Args) (Result, error)) {
	p.register(p.forwards, action, func(ctx context.Context, tx Tx, body, _ []byte) ([]byte, error) {
		args, err := decode[Args](body)
		if err != nil {
			return nil, err
		}
		return encode(h(ctx, tx, args))
	})
}

// HandleUndo registers the handler of an undo action. It gets the arguments of the forward and
// the result that this participant recorded for it, and is called only if the forward has
// succeeded here and was not undone yet. It must succeed sooner or later: see [Reject].
func HandleUndo[Args, Done, Result any](p *Participant, action string, h func(ctx context.Context, tx Tx, args Args, done Done) (Result, error)) {
	p.register(p.undos, action, func(ctx context.Context, tx Tx, body, result []byte) ([]byte, error) {
		args, err := decode[Args](body)
		if err != nil {
			return nil, err
		}
		var done Done
		if err := json.Unmarshal(result, &done); err != nil {
			return nil, fmt.Errorf("decode the recorded result: %w", err)
		}
		return encode(h(ctx, tx, args, done))
	})
}

func (p *Participant) register(to map[string]handler, action string, h handler) {
	if err := saga.CheckID("action", action); err != nil {
		p.mistakes = append(p.mistakes, err)
	}
	if _, twice := to[action]; twice {
		p.mistakes = append(p.mistakes, fmt.Errorf("action %q is registered twice", action))
	}
	to[action] = h
}

func decode[Args any](body []byte) (args Args, err error) {
	if err = saga.CheckObject(body); err == nil {
		err = json.Unmarshal(body, &args)
	}
	if err != nil {
		err = Reject(CodeInvalidArguments, "%v", err)
	}
	return args, err
}

func encode[Result any](result Result, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(result)
	if err == nil && string(body) == "null" {
		body = emptyObject
	}
	if err == nil && len(body) > len(emptyObject) {
		err = saga.CheckObject(body)
	}
	if err != nil {
		return nil, WithCode(CodeInvalidResult, fmt.Errorf("the handler's result: %w", err))
	}
	return body, nil
}

type commandKey struct{}

// CommandFrom returns the command that is being handled. Outside of a handler it is empty.
func CommandFrom(ctx context.Context) saga.Command {
	c, _ := ctx.Value(commandKey{}).(*saga.Command)
	if c == nil {
		return saga.Command{}
	}
	return *c
}

// context carries the command and is never cancelled: the driver would interrupt the statement,
// and with it the transaction that other commands share.
func (w *worker) context(c *saga.Command) context.Context {
	ctx := context.Background()
	if w.entry.Values != nil {
		ctx = context.WithoutCancel(w.entry.Values)
	}
	return context.WithValue(ctx, commandKey{}, c)
}
