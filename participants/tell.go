package participants

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/saga"
	"github.com/nats-io/nats.go/micro"
)

const (
	toldAtOnce = 128       // rows in one message
	toldBytes  = 256 << 10 // about; a single row may have more
	outOfOrder = 256       // commits whose answers may be heard later than those of one that came after them
)

// selectKnown reads the barrier from a row on; of all rows only those above a commit number count.
const selectKnown = `SELECT saga, step, state, backward_hash IS NOT NULL AS backward, outcome, code, message, result, undo_result, commit_number
	FROM inbox WHERE (saga, step) > (?, ?) AND commit_number > ? AND origin = ? ORDER BY saga, step LIMIT ?`

// tell tells the orchestrator what is recorded of its commands above a commit number. If there is something that
// it has not sent, its database is an older copy.
func (p *Participant) tell(ctx context.Context, above int64, origin string) error {
	above -= outOfOrder
	last := wire.KnownRow{}
	for {
		rows, err := p.knownAfter(ctx, last, above, origin)
		if err != nil || len(rows) == 0 {
			return err
		}
		var taken struct{}
		if err := p.ask(ctx, wire.VerbTell, wire.Told{Name: p.name, Session: p.session, Rows: rows}, &taken); err != nil {
			return err
		}
		last = rows[len(rows)-1]
	}
}

func (p *Participant) knownAfter(ctx context.Context, last wire.KnownRow, above int64, origin string) ([]wire.KnownRow, error) {
	rows, err := p.db.Read().QueryContext(ctx, selectKnown, last.Saga, last.Step, above, origin, toldAtOnce)
	if err != nil {
		return nil, fmt.Errorf("read the inbox: %w", err)
	}
	defer rows.Close()
	var known []wire.KnownRow
	for bytes := 0; bytes < toldBytes && rows.Next(); {
		var r wire.KnownRow
		var outcome, undo sql.NullString
		var result string
		if err := rows.Scan(&r.Saga, &r.Step, &r.State, &r.Backward, &outcome, &r.Code, &r.Message, &result, &undo, &r.Commit); err != nil {
			return nil, fmt.Errorf("read the inbox: %w", err)
		}
		if r.Outcome = saga.Outcome(outcome.String); result != "" {
			r.Result = []byte(result)
		}
		if undo.Valid {
			r.Undo = []byte(undo.String)
		}
		bytes += len(result) + len(undo.String)
		known = append(known, r)
	}
	return known, rows.Err()
}

// answerCall wakes the participant to say hello: the orchestrator has started.
func (p *Participant) answerCall(micro.Request) {
	select {
	case p.called <- struct{}{}:
	default: // it is about to
	}
}

// answerCalls says hello to each orchestrator that starts, until ctx ends. What it is told is nothing to it:
// whoever serves goes on, for its database has not changed under it.
func (p *Participant) answerCalls(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.called:
		}
		w, err := p.introduce(ctx, nil)
		if err == nil && w.State != wire.WelcomeServe {
			p.log.Warn().Str("state", w.State).Str("why", w.Reason).Msg("an orchestrator has started that would have it wait")
		}
		if err != nil && ctx.Err() == nil {
			p.log.Warn().Err(err).Msg("an orchestrator has started and could not be told what is known here")
		}
	}
}

// introduce says hello, and tells what it is asked for.
func (p *Participant) introduce(ctx context.Context, replayed *wire.Replayed) (wire.Welcome, error) {
	h := wire.Hello{Replayed: replayed}
	w, err := p.hello(ctx, h)
	if err == nil && w.State == wire.WelcomeTell {
		if err = p.tell(ctx, w.Ahead, w.Origin); err == nil {
			h.Told = true
			w, err = p.hello(ctx, h)
		}
	}
	return w, err
}
