package orchestrator

import (
	"context"
	"fmt"
	"slices"

	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/saga"
)

// What participants know more of than an older copy of this database is made up for from their rows: as long as
// a command is out that one of them has answered, the saga gets that answer now, before any timer fires and
// anything is sent. So it goes the way that it went. What does not follow from answers alone (a signal, a person,
// a time) cannot be made up for; such a saga is paused, for a person to look at.

// strayedRow is a row of the table strays.
type strayedRow struct {
	Step        string
	Participant string
	State       saga.RowState
	Backward    bool
	Outcome     saga.Outcome
	Code        string
	Message     string
	Result      []byte
	Undo        []byte
	Committed   int64
}

// row is the participant's, as far as its answers go.
func (s *strayedRow) row() saga.Row {
	r := saga.Row{State: s.State}
	if s.Outcome != "" {
		r.Forward = &saga.Record{Outcome: s.Outcome, Code: s.Code, Message: s.Message, Body: s.Result}
	}
	if s.Undo != nil {
		r.Undo = &saga.Record{Outcome: saga.Succeeded, Body: s.Undo}
	}
	return r
}

// catchUp moves a saga by what participants have told of it, and pauses it if they know still more.
func (m *mover) catchUp(ctx context.Context, tx outbox.Tx, id string) error {
	var rows []strayedRow
	if err := tx.SelectContext(ctx, &rows, `SELECT step, participant, state, backward, outcome, code, message, result, undo, committed
		FROM strays WHERE saga = ?`, id); err != nil {
		return fmt.Errorf("saga %s: what is told of it: %w", id, err)
	}
	refused := slices.ContainsFunc(rows, func(s strayedRow) bool { return s.State == saga.RowRejected || s.State == saga.RowFenced })
	for moved := true; moved; {
		moved = false
		for i := range rows {
			again, err := m.answerFrom(ctx, tx, id, &rows[i], refused)
			if err != nil {
				return err
			}
			moved = moved || again
		}
	}
	return m.leaveStrays(ctx, tx, id)
}

// answerFrom gives a saga the answer to a command that is out, if the participant's row has it. A forward that
// was undone because a step was refused gets the answer from before, so that the saga goes that way again; any
// other that was undone is fenced, as the participant says it.
func (m *mover) answerFrom(ctx context.Context, tx outbox.Tx, id string, s *strayedRow, refused bool) (bool, error) {
	var out []struct {
		Key     string
		Attempt int
		Header  string
	}
	prefix := id + "/" + s.Step + "/"
	err := tx.SelectContext(ctx, &out, `SELECT key, attempt, header FROM outbox WHERE key IN (?, ?, ?, ?)`, prefix+string(saga.Forward),
		prefix+string(saga.Backward), prefix+string(saga.Inquire), prefix+string(saga.Close))
	if err != nil {
		return false, fmt.Errorf("saga %s: what is out: %w", id, err)
	}
	for _, c := range out {
		_, _, direction, ok := saga.ParseOp(c.Key)
		row := s.row()
		_, verdict, rec := saga.Arrive(row, saga.Arrival{Direction: direction, Known: saga.KnownUnknown})
		if refused && direction == saga.Forward && row.State == saga.RowUndone && row.Forward != nil {
			rec = *row.Forward
		}
		if !ok || verdict != saga.Answer || !rec.Outcome.Terminal() {
			continue
		}
		reply := saga.Reply{SagaID: id, Step: s.Step, Direction: direction, Attempt: c.Attempt, Participant: s.Participant,
			Outcome: rec.Outcome, Code: rec.Code, Message: rec.Message, Body: rec.Body}
		m.source = nil
		if known := m.member(s.Participant); known != nil {
			m.source = &source{known.Seq, s.Committed}
		}
		w := &work{id: id, event: saga.Replied{At: m.clock(), Reply: reply}}
		if err := m.applyEvent(ctx, tx, w); err != nil {
			return false, err
		}
		return w.out.err == nil, nil
	}
	return false, nil
}

// forgetStrays drops what is known here by now, and returns how many steps are not.
func (m *mover) forgetStrays(ctx context.Context, tx outbox.Tx, id string) (left int, err error) {
	var rows []strayedRow
	if err := tx.SelectContext(ctx, &rows, `SELECT step, backward FROM strays WHERE saga = ?`, id); err != nil {
		return 0, fmt.Errorf("saga %s: what is told of it: %w", id, err)
	}
	e, err := m.load(ctx, tx, id)
	if err != nil || e == nil {
		return len(rows), ignoreUnreadable(err)
	}
	for i := range rows {
		s := &rows[i]
		if !hasSent(&e.in, wire.KnownRow{Saga: id, Step: s.Step, Backward: s.Backward}) {
			left++
			continue
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM strays WHERE saga = ? AND step = ?`, id, s.Step); err != nil {
			return 0, err
		}
	}
	if left == 0 {
		m.batch.then = append(m.batch.then, func() { m.older.set(func() { delete(m.older.strayed, id) }) })
	}
	return left, nil
}

// leaveStrays forgets what is known here by now. If anything is left, its saga is paused: it may not go another way.
func (m *mover) leaveStrays(ctx context.Context, tx outbox.Tx, id string) error {
	left, err := m.forgetStrays(ctx, tx, id)
	if err != nil || left == 0 {
		return err
	}
	e, err := m.load(ctx, tx, id)
	if err != nil || e == nil {
		return ignoreUnreadable(err)
	}
	if e.in.State.Terminal() || m.pauses.find(pausedSaga, id) != nil || m.batch.pausing[groupOf(pausedSaga, id)] != nil {
		return nil
	}
	p := &pause{kind: pausedSaga, name: id, reason: fmt.Sprintf("participants know %d steps that this older copy does not: see giro restore", left),
		since: m.clock(), over: make(chan struct{})}
	if err := m.beginPause(ctx, tx, p); err != nil {
		return err
	}
	m.batch.then = append(m.batch.then, func() { m.pauses.begin(p); m.park(p.group()) })
	return nil
}
