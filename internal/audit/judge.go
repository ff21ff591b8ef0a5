package audit

import (
	"context"
	"strings"

	"github.com/girohq/giro/saga"
)

// judge judges one saga by everything that is known of it.
func (a *auditor) judge(ctx context.Context, e evidence) error {
	for i := range e.records {
		a.judgeRecord(&e.records[i])
	}
	a.judgeCaptures(e.records)
	if e.saga == nil {
		return a.judgeStranger(ctx, e)
	}
	s := e.saga
	if err := a.judgeTold(ctx, s); err != nil {
		return err
	}
	if s.state.Terminal() != s.ended {
		a.found.add("I2", s.id, "%s, which its time of finishing contradicts", s.state)
	}
	if !s.state.Terminal() {
		a.live++
		a.money.underWay(e.records)
		return nil
	}
	a.judged++
	a.noteOpen(s)
	switch {
	case s.wrong != nil:
		a.found.add("I2", s.id, "%s, and its row cannot be read: %v", s.state, s.wrong)
	case s.state == saga.Abandoned: // a person has decided what stands
		a.money.underWay(e.records)
	case s.archived:
		a.judgeArchived(s, e.records)
	default:
		a.judgeSaga(s, e.records)
	}
	return nil
}

// judgeStranger takes what banks have of a saga that is not in the snapshot.
func (a *auditor) judgeStranger(ctx context.Context, e evidence) error {
	now, err := a.stateNow(ctx, e.id)
	if err != nil {
		return err
	}
	if now != "" { // accepted since the snapshot: no command is sent before its saga is committed
		a.live++
		a.money.underWay(e.records)
		return nil
	}
	for _, r := range e.records {
		if deed := r.deed(); deed != "" {
			a.found.add("I6", e.id, "bank %s %s for a saga that was never accepted", r.bank.name, deed)
		} else {
			a.found.add("I9", e.id, "bank %s has an inbox row of a saga that was never accepted", r.bank.name)
		}
	}
	return nil
}

func (a *auditor) judgeSaga(s *sagaRow, records []record) {
	for _, step := range s.steps {
		a.judgeStep(s, step, records)
	}
	for i := range records {
		if r := &records[i]; !s.byHand(r) {
			a.judgeEffect(s, r)
			a.judgeHold(s, r)
		}
	}
	if s.order != nil {
		a.judgeTransfer(s, records)
	} else if s.state == saga.Completed {
		a.money.settle(records)
	}
}

// judgeStep compares the orchestrator's view of a step with the state of its saga, and with the
// inbox of the bank that did it. Participants that are no bank are not known here.
func (a *auditor) judgeStep(s *sagaRow, step sagaStep, records []record) {
	if !allowed(s.state, step.State) {
		a.found.add("I6", s.id, "%s, and its step %s is %s", s.state, step.ID, step.State)
	}
	if step.Participant == "" || step.ByHand != "" || step.Open { // never sent, or a person answers for it
		return
	}
	if _, ok := a.byName[step.Participant]; !ok {
		a.miss(s, step.Participant)
		return
	}
	run := saga.StepRun(step.ID, step.Run)
	r := find(records, step.Participant, run)
	switch {
	case r == nil:
		a.found.add("I8", s.id, "step %s is %s, and bank %s has no inbox row of it", run, step.State, step.Participant)
	case r.row.state != saga.RowNone && !agree(step.State, r.row):
		a.found.add("I8", s.id, "step %s is %s, the inbox of bank %s says %s", run, step.State, step.Participant, r.row.state)
	}
}

// miss notes that a transfer went through a bank whose file is not here. Participants of other
// sagas need not be banks.
func (a *auditor) miss(s *sagaRow, name string) {
	if s.order == nil {
		return
	}
	gone, again := a.missing[name]
	if !again {
		gone.first = s.id
		a.unlisted = append(a.unlisted, name)
	}
	gone.steps++
	a.missing[name] = gone
}

// allowed says which states of steps a terminal saga may leave behind.
func allowed(state saga.State, step saga.StepState) bool {
	switch step {
	case saga.StepSucceeded, saga.StepSkipped:
		return true
	case saga.StepPending, saga.StepRejected, saga.StepFenced, saga.StepCompensated:
		return state == saga.Compensated
	}
	return false
}

// agree says which inbox rows go with the state of a step. A step that was undone as unknown may
// be called refused or fenced, when the late answer to its forward came before that to its undo.
func agree(step saga.StepState, r row) bool {
	switch step {
	case saga.StepSucceeded:
		return r.state == saga.RowSucceeded
	case saga.StepRejected:
		return r.state == saga.RowRejected || r.state == saga.RowUndone && r.outcome == saga.Rejected
	case saga.StepFenced:
		return r.state == saga.RowFenced || r.state == saga.RowUndone || r.state == saga.RowClosed
	case saga.StepCompensated:
		return r.state == saga.RowUndone || r.state == saga.RowFenced || r.state == saga.RowClosed
	}
	return step == saga.StepSkipped
}

// judgeEffect judges the money of one record by the outcome of its saga.
func (a *auditor) judgeEffect(s *sagaRow, r *record) {
	asked, earlier := s.asked(r)
	deed := r.deed()
	switch {
	case !asked && deed != "":
		a.found.add("I6", s.id, "bank %s %s under step %s, which the saga did not ask of it", r.bank.name, deed, r.step)
	case !asked:
		a.found.add("I9", s.id, "bank %s has an inbox row of step %s, which the saga did not ask of it", r.bank.name, r.step)
	case r.stands() && (earlier || s.state == saga.Compensated):
		a.found.add("I6", s.id, "%s, and the effect of step %s on account %s of bank %s stands", s.state, r.step, r.entries[0].account, r.bank.name)
	case s.state == saga.Completed && len(r.entries) > 1:
		a.found.add("I6", s.id, "completed, and the effect of step %s at bank %s was reversed", r.step, r.bank.name)
	}
}

// deed says what a bank did in a step run, "" if nothing.
func (r *record) deed() string {
	switch {
	case len(r.entries) > 0:
		return "moved account " + r.entries[0].account
	case r.hold != nil:
		return "held money on account " + r.hold.account
	}
	return ""
}

// noteOpen reports what a person has settled by force.
func (a *auditor) noteOpen(s *sagaRow) {
	for _, step := range s.steps {
		if step.Open && len(a.open) < maxPerInvariant {
			a.open = append(a.open, Open{Saga: s.id, Step: saga.StepRun(step.ID, step.Run), State: step.State})
		}
	}
}

// byHand says whether a person answers for what a bank has of a step run: it was done by hand, or
// undone by hand (closed), or settled by force.
func (s *sagaRow) byHand(r *record) bool {
	return r.row.state == saga.RowClosed || s.answeredFor(r.bank.name, r.step)
}

// answeredFor is the same of a step run of which a bank may have nothing at all: its command may never have
// come there.
func (s *sagaRow) answeredFor(bank, run string) bool {
	for _, step := range s.steps {
		if (step.ByHand != "" || step.Open) && step.Participant == bank && saga.StepRun(step.ID, step.Run) == run {
			return true
		}
	}
	return false
}

// asked says whether the saga has asked a bank for this step run; earlier, that a later run of
// the same step took its place.
func (s *sagaRow) asked(r *record) (asked, earlier bool) {
	for _, step := range s.steps {
		if step.Participant != r.bank.name {
			continue
		}
		for run := range step.Run + 1 {
			if saga.StepRun(step.ID, run) == r.step {
				return true, run < step.Run
			}
		}
	}
	return false, false
}

// judgeTransfer compares a transfer's effects with what was ordered.
func (a *auditor) judgeTransfer(s *sagaRow, records []record) {
	a.judgeSide(s, records, kindDebit, s.order.From)
	a.judgeSide(s, records, kindCredit, s.order.To)
}

// judgeSide judges one of the two effects of a transfer; the step is called as its entry is.
func (a *auditor) judgeSide(s *sagaRow, records []record, kind string, at place) {
	if _, ok := a.byName[at.Bank]; !ok {
		return // told as missing
	}
	r := find(records, at.Bank, kind)
	if r != nil && s.byHand(r) || s.answeredFor(at.Bank, kind) {
		return
	}
	if r == nil || len(r.entries) == 0 {
		if s.state == saga.Completed {
			a.found.add("I6", s.id, "completed, and bank %s has no %s of account %s", at.Bank, kind, at.Account)
		}
		return
	}
	o := s.order
	e, _, fault := r.movements()
	if fault == "" && (e.kind != kind || e.account != at.Account || e.amount != o.Amount || e.currency != o.Currency) {
		a.found.add("I6", s.id, "%s of %d %s on account %s of bank %s was ordered; done was %s of %d %s on account %s",
			kind, o.Amount, o.Currency, at.Account, at.Bank, e.kind, e.amount, e.currency, e.account)
	}
}

// isRunOf says whether a step run is of a step: "hold.try~1" is of "hold.try".
func isRunOf(run, step string) bool {
	rest, ok := strings.CutPrefix(run, step)
	return ok && (rest == "" || rest[0] == '~')
}

// find returns the record of a step run at a bank, or nil.
func find(records []record, bank, step string) *record {
	for i := range records {
		if r := &records[i]; r.bank.name == bank && r.step == step {
			return r
		}
	}
	return nil
}
