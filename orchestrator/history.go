package orchestrator

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/saga"
)

// moment is a row of the history: an event, what it said, and what the saga made of it.
type moment struct {
	kind      string
	step      string
	direction saga.Direction
	attempt   int
	outcome   saga.Outcome
	code      string
	message   string
	note      string
	events    []string
	source    *source // of a reply, if it says
}

const momentReplied = "replied"

// momentOf describes an event and the effects it had.
func momentOf(event saga.Event, effects []saga.Effect, after *saga.Instance) moment {
	m := moment{}
	switch e := event.(type) {
	case saga.Started:
		m.kind, m.note = "started", e.Note
		if e.Parent != nil {
			m.note = "child of " + e.Parent.ID + ", step " + e.Parent.Step
		}
	case saga.Replied:
		r := e.Reply
		m = moment{kind: momentReplied, step: r.Step, direction: r.Direction, attempt: r.Attempt, outcome: r.Outcome, code: r.Code, message: r.Message}
	case saga.TimedOut:
		m = moment{kind: "timed_out", step: e.Step, direction: e.Direction, attempt: e.Attempt}
	case saga.Woke:
		m.kind = "timer"
		if after.Overdue.Equal(e.At) {
			m.kind = "deadline"
		}
	case saga.Signalled:
		m.kind, m.code = "signalled", e.Name
	case saga.ChildEnded:
		m = moment{kind: "child_ended", step: e.Step, code: string(e.State), message: e.Child}
	case saga.Settled:
		m.kind = "settled"
	case saga.Postponed:
		m.kind, m.message, m.note = "postponed", "by "+e.By.Round(time.Millisecond).String(), e.Reason
	default:
		m.byOperator(event)
	}
	for _, effect := range effects {
		switch e := effect.(type) {
		case saga.Noted:
			m.note = e.Note
		case saga.Emit:
			m.events = append(m.events, e.Event)
		}
	}
	return m
}

// byOperator describes what a person wanted, and why.
func (m *moment) byOperator(event saga.Event) {
	switch e := event.(type) {
	case saga.Cancelled:
		m.kind, m.message = "cancelled", e.Reason
	case saga.Resumed:
		m.kind, m.step, m.message = "retried", e.Step, e.Reason
	case saga.Skipped:
		m.kind, m.step, m.message, m.note = "skipped", e.Step, e.Reason, forced(e.Force)
	case saga.ResolvedByHand:
		m.kind, m.step, m.message, m.note = "resolved", e.Step, e.Reason, forced(e.Force)
	case saga.Migrated:
		m.kind, m.message, m.note = "migrated", e.Reason, fmt.Sprintf("from version %d to %d", e.From, e.To)
	case saga.GivenUp:
		m.kind, m.message, m.note = "abandoned", e.Reason, forced(e.Force)
	}
}

func forced(force bool) string {
	if force {
		return "by force: nothing was fenced"
	}
	return ""
}

// insert writes the row and returns its number.
func (m moment) insert(ctx context.Context, tx outbox.Tx, sagaSeq, at int64) (int64, error) {
	var participant, committed any
	if m.source != nil {
		participant, committed = m.source.participant, m.source.commit
	}
	res, err := tx.ExecContext(ctx, `INSERT INTO history (saga, at, kind, step, direction, attempt, outcome, code, message, note, event, participant, committed)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		sagaSeq, at, m.kind, text(m.step), text(string(m.direction)), number(m.attempt), text(string(m.outcome)), text(m.code), text(m.message),
		text(m.note), text(strings.Join(m.events, " ")), participant, committed)
	if err != nil {
		return 0, fmt.Errorf("history of saga %d: %w", sagaSeq, err)
	}
	return res.LastInsertId()
}

// text is NULL for nothing, so that a row costs no more than what it says.
func text(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func number(n int) any {
	if n == 0 {
		return nil
	}
	return n
}
