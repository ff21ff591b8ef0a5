package orchestrator

import (
	"context"
	"fmt"

	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/saga"
)

// roll lists the participants.
func (o *Orchestrator) roll(context.Context, struct{}) (any, error) {
	list := wire.Roll{Items: []wire.Member{}}
	for _, m := range o.members.list() {
		list.Items = append(list.Items, m.describe())
	}
	return list, nil
}

// accept lets a quarantined participant serve with the database it has, when it says hello again. What that
// lacks is left as it is.
func (o *Orchestrator) accept(ctx context.Context, req wire.RollRequest) (any, error) {
	return o.decide(ctx, req, decidedAccept)
}

// replay has what the database of a quarantined participant lacks done again, when it says hello again.
func (o *Orchestrator) replay(ctx context.Context, req wire.RollRequest) (any, error) {
	return o.decide(ctx, req, decidedReplay)
}

func (o *Orchestrator) decide(ctx context.Context, req wire.RollRequest, decision string) (any, error) {
	if err := saga.CheckParticipant(req.Name); err != nil {
		return nil, wire.Invalid(err)
	}
	if req.Reason == "" || len(req.Reason) > maxReason {
		return nil, wire.Invalid(fmt.Errorf("a reason is required, of at most %d bytes", maxReason))
	}
	var next member
	_, err := o.do(ctx, &work{id: req.Name, task: func(ctx context.Context, m *mover, tx outbox.Tx) error {
		known := m.member(req.Name)
		switch {
		case known == nil:
			return wire.NotFound("there is no participant %q: none of that name has said hello", req.Name)
		case !known.quarantined():
			return wire.WrongState(fmt.Sprintf("participant %s serves: there is nothing to decide", req.Name))
		case decision == decidedReplay && !known.repeatable():
			return wire.WrongState(fmt.Sprintf("not all that participant %s has answered is known any more: sagas up to its commit %d are archived. "+
				"Put a newer copy of its database in its place, or accept the loss", req.Name, known.Archived))
		}
		next = *known
		next.Decision = decision
		return m.change(ctx, tx, next)
	}})
	if err != nil {
		return nil, err
	}
	o.cfg.Log.Warn().Str("participant", next.Name).Str("decision", decision).Str("reason", req.Reason).Msg("quarantine: a person has decided")
	answer := next.describe()
	answer.Answer, err = o.consequence(ctx, &next, decision)
	return answer, err
}

// consequence says what a decision comes to.
func (o *Orchestrator) consequence(ctx context.Context, m *member, decision string) (string, error) {
	from := m.Restored
	if m.State == wire.MemberForeign {
		from = 0
	}
	var n int
	err := o.cfg.DB.Read().GetContext(ctx, &n, `SELECT count(*) FROM history WHERE kind = 'replied' AND outcome IN ('succeeded', 'rejected', 'fenced')
		AND participant = ? AND committed > ?`, m.Seq, from)
	if err != nil {
		return "", fmt.Errorf("participant %s: %w", m.Name, err)
	}
	if decision == decidedAccept && m.State == wire.MemberTooOld {
		return "it serves as soon as it says hello. What its database lacks is not done again; how much that is nobody knows, for some of it is archived", nil
	}
	if decision == decidedAccept {
		return fmt.Sprintf("it serves as soon as it says hello. It gave %d answers after commit %d: what of them its database lacks is not done again", n, from), nil
	}
	return fmt.Sprintf("as soon as it says hello, what it answered after commit %d is done again: %d answers", from, n), nil
}

// repeatable says whether all that a quarantined participant may lack can be done again.
func (m *member) repeatable() bool {
	return m.State != wire.MemberTooOld && (m.State != wire.MemberForeign || m.Archived == 0)
}
