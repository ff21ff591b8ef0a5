package orchestrator

import (
	"context"
	"errors"
	"fmt"

	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/saga"
)

// lostAtOnce bounds a page of what is done again; pageBytes bounds it as well.
const lostAtOnce = 128

// answeredRow is a reply in the history.
type answeredRow struct {
	Seq       int64
	Saga      int64
	Step      string
	Direction saga.Direction
	Outcome   saga.Outcome
	Code      string
	Message   string
}

// selectLost reads the whole history from the cursor on, without an index: that is for a restored copy only.
const selectLost = `SELECT seq, saga, step, direction, outcome, ifnull(code, '') code, ifnull(message, '') message FROM history
	WHERE seq > ? AND kind = 'replied' AND outcome IN ('succeeded', 'rejected', 'fenced')
	AND (participant = ? AND committed > ? OR ? AND participant IS NULL) ORDER BY seq LIMIT ?`

// lost is a page of what a participant's older copy lacks, in the order of the answers. It may hold what the
// copy has: the barrier makes that harmless.
func (o *Orchestrator) lost(ctx context.Context, req wire.LostRequest) (any, error) {
	m := o.members.find(req.Name)
	if m == nil || m.State != wire.MemberBehind || m.Session != req.Session {
		return nil, wire.WrongState("there is nothing to do again: say hello")
	}
	var rows []answeredRow
	if err := o.cfg.DB.Read().SelectContext(ctx, &rows, selectLost, req.After, m.Seq, m.Restored, m.Restored < m.Recorded, lostAtOnce); err != nil {
		return nil, fmt.Errorf("lost of %s: %w", req.Name, err)
	}
	page := wire.Lost{Items: []wire.LostItem{}}
	bytes := 0
	for i, row := range rows {
		if bytes > pageBytes {
			page.Next = rows[i-1].Seq
			return page, nil
		}
		item, err := o.again(ctx, m.Name, row)
		if err != nil {
			return nil, err
		}
		if item != nil {
			page.Items = append(page.Items, *item)
			bytes += len(item.Body) + len(item.Result)
		}
	}
	if len(rows) == lostAtOnce {
		page.Next = rows[len(rows)-1].Seq
	}
	return page, nil
}

// again makes the command of an answer once more; nil when the answer is another participant's, or was no effect
// to be had again. A forward that succeeded comes as [saga.Retriable], so that it cannot be refused for good. One
// that was refused or fenced comes too, for an old copy of its command must meet its row.
func (o *Orchestrator) again(ctx context.Context, name string, row answeredRow) (*wire.LostItem, error) {
	e, def, err := o.pinnedSaga(ctx, row.Saga)
	if err != nil {
		return nil, err
	}
	d := row.Direction
	switch {
	case d == saga.Inquire && row.Outcome != saga.Fenced: // the forward's answer
		d = saga.Forward
	case d == saga.Forward && row.Outcome == saga.Fenced:
		d = saga.Inquire
	case (d == saga.Backward || d == saga.Close) && row.Outcome != saga.Succeeded:
		return nil, nil
	}
	c, err := saga.Sent(def, e.in, row.Step, d)
	if err != nil {
		return nil, err
	}
	if c.Participant != name {
		return nil, nil
	}
	if d == saga.Forward && row.Outcome == saga.Succeeded {
		c.Kind = saga.Retriable
	}
	item := &wire.LostItem{Outcome: row.Outcome, Code: row.Code, Message: row.Message, Body: c.Body}
	item.Subject, item.Header = wire.EncodeCommand(o.names, c, o.cfg.DB.StoreID())
	item.Header[wire.HeaderAttempt] = []string{fmt.Sprint(c.Attempt)}
	for i := range e.in.Steps {
		if s := &e.in.Steps[i]; d == saga.Forward && row.Outcome == saga.Succeeded && s.RunID() == row.Step {
			item.Undone = s.State == saga.StepCompensated || s.State == saga.StepCompensating
			if s.ByHand == "" {
				item.Result = s.Result
			}
		}
	}
	return item, nil
}

// pinnedSaga loads a saga by its row's number, with the definition that it is pinned to.
func (o *Orchestrator) pinnedSaga(ctx context.Context, seq int64) (*entry, *saga.Definition, error) {
	var row sagaRow
	if err := o.cfg.DB.Read().GetContext(ctx, &row, `SELECT `+sagaColumns+` FROM sagas WHERE seq = ?`, seq); err != nil {
		return nil, nil, fmt.Errorf("saga in row %d: %w", seq, err)
	}
	e, err := row.entry()
	def, errPinned := o.registry.pinned(row.Type, row.Version)
	return e, def, errors.Join(err, errPinned)
}
