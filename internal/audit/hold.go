package audit

import "github.com/girohq/giro/saga"

// hold is what a bank has promised for a try.
type hold struct {
	out     bool // of a payer: it counts in the account's held
	account string
	amount  int64
	state   string
	confirm string // the step run that captured it
}

// The states of holds.
const (
	holdOpen     = "held"
	holdCaptured = "captured"
	holdReleased = "released"
	holdExpired  = "expired"
)

// queryHolds reads the holds in the order of saga and step. Banks of an earlier version have none.
func (s source) queryHolds() (*cursor, error) {
	const holds = `SELECT saga, step, direction, account, amount, state, confirm FROM holds ORDER BY saga, step`
	if _, ok := s.conn.(*fetcher); ok {
		return s.query(holds) // no earlier version knew Postgres
	}
	query := `SELECT 1 WHERE 0`
	err := s.each(func(*cursor) error {
		query = holds
		return nil
	}, `SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'holds'`)
	if err != nil {
		return nil, err
	}
	return s.query(query)
}

// hold takes a hold from its cursor, and adds it to what its account must hold.
func (b *bank) hold(c *cursor) *hold {
	h := &hold{out: c.text(2) == "out", account: c.text(3), amount: c.number(4), state: c.text(5), confirm: c.text(6)}
	a, ok := b.accounts[h.account]
	switch {
	case !ok:
		b.found.add("I3", c.text(0), "bank %s has a hold on account %s, which does not exist there", b.name, h.account)
	case h.out && h.state == holdOpen:
		a.open += h.amount
	}
	return h
}

// settleHeld compares what accounts hold with their open holds.
func (b *bank) settleHeld() {
	for name, a := range b.accounts {
		if a.held != a.open {
			b.found.add("I3", "", "account %s of bank %s holds %d, its open holds add up to %d", name, b.name, a.held, a.open)
		}
	}
}

// judgeTry judges the record of a step run that holds money. As all of one transaction, it is true
// at every instant.
func (a *auditor) judgeTry(r *record) {
	h := r.hold
	switch {
	case len(r.entries) > 0:
		a.found.add("I5", r.saga, "bank %s, step %s: a try that holds money has moved account %s", r.bank.name, r.step, r.entries[0].account)
	case r.row.state == saga.RowNone:
		a.found.add("I8", r.saga, "bank %s holds %d on account %s for step %s and has no inbox row of it", r.bank.name, h.amount, h.account, r.step)
	case r.row.outcome != saga.Succeeded:
		a.found.add("I7", r.saga, "bank %s holds %d on account %s for step %s, which is %s", r.bank.name, h.amount, h.account, r.step, r.row.state)
	case !h.follows(r.row.state):
		a.found.add("I8", r.saga, "bank %s: the inbox says that step %s is %s, its hold is %s", r.bank.name, r.step, r.row.state, h.state)
	}
}

// follows says whether the hold of a try that has succeeded goes with its inbox row. An expired
// hold that is cancelled stays expired.
func (h *hold) follows(row saga.RowState) bool {
	if row == saga.RowUndone {
		return h.state == holdReleased || h.state == holdExpired
	}
	return h.state != holdReleased
}

// judgeCaptures holds the holds of one saga against the entries of their confirms: both are
// written in one transaction.
func (a *auditor) judgeCaptures(records []record) {
	for i := range records {
		r := &records[i]
		switch {
		case r.hold != nil && r.hold.state == holdCaptured:
			a.judgeCapture(r, find(records, r.bank.name, r.hold.confirm))
		case len(r.entries) > 0 && uncaptured(r, records):
			a.found.add("I5", r.saga, "bank %s moved account %s for step %s, which has captured no hold", r.bank.name, r.entries[0].account, r.step)
		}
	}
}

func (a *auditor) judgeCapture(r, confirm *record) {
	h := r.hold
	if confirm == nil || len(confirm.entries) == 0 {
		a.found.add("I8", r.saga, "bank %s: the hold of step %s was captured by step %q, and there is no entry of it", r.bank.name, r.step, h.confirm)
		return
	}
	want := kindCredit
	if h.out {
		want = kindDebit
	}
	e, _, fault := confirm.movements()
	if fault == "" && (e.kind != want || e.account != h.account || e.amount != h.amount) {
		a.found.add("I5", r.saga, "bank %s held %d on account %s for step %s; step %s has made a %s of %d on account %s of it",
			r.bank.name, h.amount, h.account, r.step, confirm.step, e.kind, e.amount, e.account)
	}
}

// uncaptured says whether a record is of a confirm that moved money though none of the holds that
// it could be for names it.
func uncaptured(r *record, records []record) bool {
	try, ok := saga.TryOf(r.step)
	if !ok {
		return false
	}
	held := false
	for i := range records {
		other := &records[i]
		if other.hold == nil || other.bank != r.bank || !isRunOf(other.step, try) {
			continue
		}
		if other.hold.confirm == r.step {
			return false
		}
		held = true
	}
	return held
}

// judgeHold judges a hold by the outcome of its saga. One that has expired may be left by any.
func (a *auditor) judgeHold(s *sagaRow, r *record) {
	h := r.hold
	switch {
	case h == nil:
	case h.state == holdOpen:
		a.found.add("I6", s.id, "%s, and bank %s still holds %d on account %s for step %s", s.state, r.bank.name, h.amount, h.account, r.step)
	case s.state == saga.Compensated && h.state == holdCaptured, s.state == saga.Completed && h.state == holdReleased:
		a.found.add("I6", s.id, "%s, and the hold of step %s on account %s of bank %s was %s", s.state, r.step, h.account, r.bank.name, h.state)
	}
}
