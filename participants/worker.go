package participants

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/girohq/giro/internal/jet"
	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/races"
	"github.com/girohq/giro/saga"
	"go.opentelemetry.io/otel/trace"
)

// delivery is one command on its way: read from the stream, applied in a batch, answered after
// the batch's commit, acknowledged after the answer is stored.
type delivery struct {
	msg      jet.Msg
	command  saga.Command
	envelope wire.Envelope
	answer   answer
	commit   int64        // number of the transaction the answer is from; 0: of none
	raced    []races.Kind // what the barrier has prevented
	span     trace.Span   // nil: tracing is off
	sent     string       // the traceparent that came
	again    func()       // it is a command of [Participant.redo], which is to be told of the answer; nil: it is not
	refusal  error        // of such a command: what the handler said
}

// reply is the answer to this very command: the outcome is the recorded one, the attempt the command's.
func (d *delivery) reply() saga.Reply {
	c := &d.command
	return saga.Reply{SagaID: c.SagaID, Step: c.Step, Direction: c.Direction, Attempt: c.Attempt, Participant: c.Participant,
		Outcome: d.answer.Outcome, Code: d.answer.Code, Message: d.answer.Message, RetryAfter: d.answer.after, Body: d.answer.Body}
}

// answer is what a command gets: the recorded outcome, or a retry, which is never recorded.
type answer struct {
	saga.Record
	after time.Duration
}

// worker applies commands: it is the [outbox.Worker] of the participant's loop. All but Apply
// concerns the whole batch; Apply brings one command past the barrier.
type worker struct {
	p     *Participant
	inbox inbox
	entry Entry // of the present batch
}

func newWorker(p *Participant) *worker { return &worker{p: p, inbox: inbox{dialect: p.db.Dialect()}} }

// Begin forgets the commit number of a transaction that may have been rolled back.
func (w *worker) Begin() { w.inbox.commit = 0 }

// Apply decides and does one command. What a handler does wrong becomes the command's answer;
// an error is a failure of the database or the end of the transaction.
func (w *worker) Apply(tx outbox.Tx, d *delivery) error {
	if err := w.inbox.begin(tx); err != nil {
		return err
	}
	a, err := w.arrive(tx, d)
	if err != nil {
		return fmt.Errorf("command %s: %w", d.command.Op(), err)
	}
	d.answer, d.commit = a, w.inbox.commit
	return nil
}

// Committed sends the answers. It does not wait for the broker.
func (w *worker) Committed(batch []*delivery) {
	for _, d := range batch {
		if d.again == nil {
			w.p.prevented(d)
		}
		w.p.reply(d)
	}
}

// Failed answers a command that could not even be judged: nothing of it stands, so it may come
// again. A command that the loop had no time for, or the database was not there for, is not answered:
// it comes again by itself, and silence costs it no attempt.
func (w *worker) Failed(d *delivery, err error) {
	if d.again == nil && errors.Is(err, outbox.ErrStopped) {
		return
	}
	if d.again == nil && errors.Is(err, outbox.ErrNotBegun) {
		w.p.log.Warn().Err(err).Str("op", d.command.Op()).Msg("command left until the database is there")
		return
	}
	w.p.log.Error().Err(err).Str("op", d.command.Op()).Msg("command failed")
	d.answer, d.commit = answer{Record: saga.Record{Outcome: saga.Retried, Code: CodeError, Message: clip(err.Error())}}, 0
	w.p.reply(d)
}

// arrive passes a command through the barrier. Nearly each forward is the first of its step
// run, so it is taken for that without looking, until inserting its row says otherwise.
func (w *worker) arrive(tx Tx, d *delivery) (answer, error) {
	c := &d.command
	arrival := saga.Arrival{Direction: c.Direction, Known: c.Known, Origin: d.envelope.Origin, Hash: contentHash(c),
		Late: !c.Deadline.IsZero() && w.p.now().After(c.Deadline)}
	if c.Direction == saga.Forward {
		a, err := w.meet(tx, d, saga.Row{}, arrival)
		if !errors.Is(err, errKnown) {
			return a, err
		}
	}
	for {
		row, err := w.inbox.load(tx, c)
		if err != nil {
			return answer{}, err
		}
		a, err := w.meet(tx, d, row, arrival)
		if row.State != saga.RowNone || !errors.Is(err, errKnown) {
			return a, err
		} // another writer has made the row meanwhile, and has committed: rows are never deleted
	}
}

// meet does what the barrier says of a command and its row.
func (w *worker) meet(tx Tx, d *delivery, row saga.Row, arrival saga.Arrival) (answer, error) {
	c := &d.command
	store := w.inbox.update
	if row.State == saga.RowNone {
		store = w.inbox.insert
	}
	next, verdict, rec := saga.Arrive(row, arrival)
	d.raced = prevented(row, next, arrival, verdict, rec)
	d.begun(w.p.tracer, repeated(row, next, arrival))
	var err error
	switch {
	case verdict == saga.Run:
		return w.run(tx, d, next, store)
	case verdict == saga.RunUndo:
		return w.undo(tx, c, next, store)
	case next != row:
		err = store(tx, c, next)
	}
	return answer{Record: rec}, err
}

// storeFunc writes a barrier row: [inbox.insert] or [inbox.update].
type storeFunc func(tx Tx, c *saga.Command, row saga.Row) error

// run calls the forward handler and records its success or its refusal.
func (w *worker) run(tx Tx, d *delivery, row saga.Row, store storeFunc) (answer, error) {
	c := &d.command
	h := find(w.p.forwards, c)
	if d.refusal != nil {
		h = func(context.Context, Tx, []byte, []byte) ([]byte, error) { return nil, d.refusal }
	}
	a, err := w.guarded(tx, c, row.Ran, store, func() ([]byte, error) { return h(w.context(c), tx, c.Body, nil) })
	if err == nil && a.Outcome == saga.Rejected {
		err = store(tx, c, row.Ran(a.Record))
	}
	return a, err
}

// undo calls the undo handler and records its success.
func (w *worker) undo(tx Tx, c *saga.Command, row saga.Row, store storeFunc) (answer, error) {
	h := find(w.p.undos, c)
	return w.guarded(tx, c, row.RanUndo, store, func() ([]byte, error) {
		return h(w.context(c), tx, c.Body, row.Forward.Body)
	})
}

// guarded calls a handler in a savepoint. The row is written first, and as if the handler had
// returned {}: whatever a handler might do to the transaction, its effect is never there without
// the row. Most results are {}, so most rows are written once.
func (w *worker) guarded(tx Tx, c *saga.Command, ran func(saga.Record) saga.Row, store storeFunc, call func() ([]byte, error)) (answer, error) {
	a := answer{Record: saga.Record{Outcome: saga.Succeeded, Body: emptyObject}}
	err := recovered(func() error {
		return tx.Savepoint(func() error {
			if err := store(tx, c, ran(a.Record)); err != nil {
				return err
			}
			body, err := call()
			if err != nil {
				return &handlerError{err}
			}
			if string(body) == string(emptyObject) {
				return nil
			}
			a.Body = body
			return w.inbox.update(tx, c, ran(a.Record))
		})
	})
	var failed *handlerError
	if errors.As(err, &failed) && !errors.Is(err, outbox.ErrTxLost) {
		return verdictOn(failed.err, *c), nil
	}
	return a, err
}

// recovered turns a panic that has passed the savepoint into the handler's error.
func recovered(fn func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &handlerError{WithCode(CodePanic, fmt.Errorf("panic: %v", v))}
		}
	}()
	return fn()
}

func find(in map[string]handler, c *saga.Command) handler {
	if h, ok := in[c.Action]; ok {
		return h
	}
	return func(context.Context, Tx, []byte, []byte) ([]byte, error) {
		return nil, Reject(CodeUnknownAction, "participant %s does not know %s as %s", c.Participant, c.Action, c.Direction)
	}
}
