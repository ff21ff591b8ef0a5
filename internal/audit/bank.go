package audit

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/girohq/giro/saga"
)

// bank is one bank's snapshot, and what was found in it without looking at any saga.
type bank struct {
	name     string
	snapshot *snapshot
	accounts map[string]*account
	openings map[string]int64 // by currency
	found    findings
}

// account is a customer's account.
type account struct {
	currency string
	balance  int64
	held     int64
	open     int64 // what its open holds add up to
	version  int64
	replayed bool // its entries were compared with it
}

// record is what a bank has of one step run of a saga.
type record struct {
	bank    *bank
	saga    string
	step    string // the step run
	row     row
	entries []entry
	hold    *hold // nil: the step run is no try, or held nothing
}

// row is the inbox's row; state is RowNone if there is none.
type row struct {
	origin  string
	state   saga.RowState
	outcome saga.Outcome // of the forward, "" if it never ran
}

// entry is a movement of an account.
type entry struct {
	kind     string
	account  string
	currency string // of the account
	amount   int64
	change   int64 // the amount with its sign
}

// The kinds of entries. Debit and credit are effects, the others reverse them.
const (
	kindDebit    = "debit"
	kindCredit   = "credit"
	kindRefund   = "refund"
	kindUncredit = "uncredit"
)

func (e entry) reverses() string {
	switch e.kind {
	case kindRefund:
		return kindDebit
	case kindUncredit:
		return kindCredit
	}
	return ""
}

func openBank(ctx context.Context, path string) (*bank, error) {
	s, err := openSnapshot(ctx, path)
	if err != nil {
		return nil, err
	}
	return &bank{name: bankName(path), snapshot: s, accounts: make(map[string]*account), openings: make(map[string]int64)}, nil
}

func (b *bank) readAccounts(s source) error {
	return s.each(func(c *cursor) error {
		b.accounts[c.text(0)] = &account{currency: c.text(1), balance: c.number(2), held: c.number(3), version: c.number(4)}
		return nil
	}, `SELECT account, currency, balance, held, version FROM accounts`)
}

// positions sums up the customers' accounts by currency.
func (b *bank) positions() []Position {
	sums := make(map[string]*Position)
	for _, a := range b.accounts {
		p := sums[a.currency]
		if p == nil {
			p = &Position{Bank: b.name, Currency: a.currency}
			sums[a.currency] = p
		}
		p.Accounts++
		p.Balance += a.balance
		p.Held += a.held
	}
	list := make([]Position, 0, len(sums))
	for _, p := range sums {
		list = append(list, *p)
	}
	slices.SortFunc(list, func(x, y Position) int { return cmp.Compare(x.Currency, y.Currency) })
	return list
}

// readRecords yields what the bank has of every step run, in the order of saga and step: its
// inbox, its entries and its holds side by side, all out of their primary keys.
func (b *bank) readRecords(s source, yield func(record) error) (err error) {
	inbox, err := s.query(`SELECT saga, step, origin, state, outcome FROM inbox ORDER BY saga, step`)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, inbox.close()) }()
	entries, err := s.query(`SELECT saga, step, kind, account, amount, change FROM entries WHERE kind <> 'opening' ORDER BY saga, step, kind`)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, entries.close()) }()
	holds, err := s.queryHolds()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, holds.close()) }()
	inbox.next()
	entries.next()
	holds.next()
	for !inbox.end || !entries.end || !holds.end {
		if err := yield(b.record(inbox, entries, holds)); err != nil {
			return err
		}
	}
	b.settleHeld()
	return nil
}

// record takes what belongs together from the cursors.
func (b *bank) record(inbox, entries, holds *cursor) record {
	first := inbox
	for _, c := range [...]*cursor{entries, holds} {
		if compareKeys(first, c) > 0 {
			first = c
		}
	}
	r := record{bank: b, saga: first.text(0), step: first.text(1)}
	if inbox.isAt(&r) {
		r.row = row{origin: inbox.text(2), state: saga.RowState(inbox.text(3)), outcome: saga.Outcome(inbox.text(4))}
		inbox.next()
	}
	for entries.isAt(&r) {
		r.entries = append(r.entries, b.entry(entries))
		entries.next()
	}
	if holds.isAt(&r) {
		r.hold = b.hold(holds)
		holds.next()
	}
	return r
}

// isAt says whether the cursor's row is of this step run.
func (c *cursor) isAt(r *record) bool { return !c.end && c.text(0) == r.saga && c.text(1) == r.step }

func (b *bank) entry(c *cursor) entry {
	e := entry{kind: c.text(2), account: c.text(3), amount: c.number(4), change: c.number(5)}
	if a, ok := b.accounts[e.account]; ok {
		e.currency = a.currency
	}
	return e
}

// compareKeys orders two cursors by saga and step; one at its end comes last.
func compareKeys(x, y *cursor) int {
	switch {
	case x.end:
		return 1
	case y.end:
		return -1
	}
	return cmp.Or(cmp.Compare(x.text(0), y.text(0)), cmp.Compare(x.text(1), y.text(1)))
}
