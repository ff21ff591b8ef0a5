package audit

import "github.com/girohq/giro/saga"

// judgeRecord judges what one bank has of one step run. Row and entries are written in one
// transaction, so this holds at every instant, for sagas under way too.
func (a *auditor) judgeRecord(r *record) {
	if r.row.state != saga.RowNone && r.row.origin != a.store {
		a.found.add("I9", r.saga, "bank %s took step %s from store %s, this is store %s", r.bank.name, r.step, r.row.origin, a.store)
	}
	if r.hold != nil {
		a.judgeTry(r)
		return
	}
	effect, reversal, fault := r.movements()
	if fault != "" {
		a.found.add("I5", r.saga, "bank %s, step %s: %s", r.bank.name, r.step, fault)
		return
	}
	wantEffect, wantReversal := r.row.expects()
	switch {
	case effect == nil && !wantEffect: // nor is there a reversal: it would be a fault
	case r.row.state == saga.RowNone:
		a.found.add("I8", r.saga, "bank %s moved account %s for step %s and has no inbox row of it", r.bank.name, effect.account, r.step)
	case effect == nil:
		a.found.add("I8", r.saga, "bank %s: the inbox says that step %s %s, and there is no entry of it", r.bank.name, r.step, r.row.state)
	case !wantEffect:
		a.found.add("I7", r.saga, "bank %s moved account %s for step %s, which is %s", r.bank.name, effect.account, r.step, r.row.state)
	case wantReversal != (reversal != nil):
		a.found.add("I8", r.saga, "bank %s: the inbox says that step %s is %s, its entries say otherwise", r.bank.name, r.step, r.row.state)
	}
}

// expects says which entries go with an inbox row.
func (r row) expects() (effect, reversal bool) {
	effect = r.outcome == saga.Succeeded
	return effect, effect && r.state == saga.RowUndone
}

// movements finds the effect and its reversal, or says why there is more or less than that.
func (r *record) movements() (effect, reversal *entry, fault string) {
	for i := range r.entries {
		e := &r.entries[i]
		switch {
		case e.kind != kindDebit && e.kind != kindCredit && e.reverses() == "":
			return nil, nil, "an entry of kind " + e.kind + " belongs to no saga"
		case e.reverses() == "" && effect != nil:
			return nil, nil, "there is more than one effect"
		case e.reverses() == "":
			effect = e
		case reversal != nil:
			return nil, nil, "there is more than one reversal"
		default:
			reversal = e
		}
	}
	switch {
	case reversal == nil:
	case effect == nil:
		return nil, nil, "there is a reversal without an effect"
	case reversal.reverses() != effect.kind:
		return nil, nil, "a " + effect.kind + " was reversed by a " + reversal.kind
	case reversal.account != effect.account || reversal.amount != effect.amount:
		return nil, nil, "the reversal is not of the same account and amount as the effect"
	}
	return effect, reversal, ""
}

// stands says whether the record's effect is there and was not taken back.
func (r *record) stands() bool {
	effect, reversal, _ := r.movements()
	return effect != nil && reversal == nil
}
