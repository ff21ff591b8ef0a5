package audit

import "github.com/girohq/giro/saga"

// judgeArchived judges a saga of which the orchestrator has only the outcome. Nobody knows any more what was asked of
// whom, but what the banks have must go with how it ended. None in which a person has done a step by hand is archived.
func (a *auditor) judgeArchived(s *sagaRow, records []record) {
	for i := range records {
		r := &records[i]
		switch {
		case s.state == saga.Compensated && r.stands():
			a.found.add("I6", s.id, "compensated, and the effect of step %s on account %s of bank %s stands", r.step, r.entries[0].account, r.bank.name)
		case s.state == saga.Completed && len(r.entries) > 1:
			a.found.add("I6", s.id, "completed, and the effect of step %s at bank %s was reversed", r.step, r.bank.name)
		}
		a.judgeHold(s, r)
	}
	switch {
	case s.state != saga.Completed:
	case s.typ != typeTransfer:
		a.money.settle(records)
	default:
		a.judgeBothSides(s, records)
	}
}

// judgeBothSides holds that what a completed transfer has taken at one bank it has given at another.
func (a *auditor) judgeBothSides(s *sagaRow, records []record) {
	debit, credit := movement(records, kindDebit), movement(records, kindCredit)
	switch {
	case debit == nil || credit == nil:
		missing := kindCredit
		if debit == nil {
			missing = kindDebit
		}
		a.found.add("I6", s.id, "completed, and none of the banks given has a %s of it", missing)
	case debit.amount != credit.amount || debit.currency != credit.currency:
		a.found.add("I6", s.id, "completed, with a debit of %d %s and a credit of %d %s", debit.amount, debit.currency, credit.amount, credit.currency)
	}
}

// movement finds the first entry of a kind, or nil.
func movement(records []record, kind string) *entry {
	for i := range records {
		for j := range records[i].entries {
			if e := &records[i].entries[j]; e.kind == kind {
				return e
			}
		}
	}
	return nil
}
