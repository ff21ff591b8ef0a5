package ledger

import (
	"database/sql"

	"github.com/girohq/giro/participants"
)

// Change is what is to become of one account, and what that depends on. Amounts are minor units.
type Change struct {
	Account string
	Balance int64 // added to the balance; negative takes
	Held    int64 // added to what is held of it
	Entry   bool  // an entry will stand for it, so the account's version grows by one

	Currency string // if not empty: the account must be open and kept in it
	Free     int64  // so much of the balance must not be held; 0 asks nothing
	Room     int64  // so much must fit below MaxAmount; 0 asks nothing
}

func takes(account string, n int64) Change {
	return Change{Account: account, Balance: -n, Free: n, Entry: true}
}

func gives(account string, n int64) Change {
	return Change{Account: account, Balance: n, Entry: true}
}

// holds adds to what is promised of an account, or gives it back. Incoming money is not on the
// account yet.
func holds(d direction, account string, n int64) Change {
	c := Change{Account: account}
	if d == outgoing {
		c.Held = n
	}
	return c
}

// in asks for an open account in a currency.
func (c Change) in(currency string) Change {
	c.Currency = currency
	if currency == "" {
		c.Currency = noCurrency
	}
	return c
}

// noCurrency stands for the currency of an order without one: no account is kept in it.
const noCurrency = "-"

// roomFor asks that n more fit.
func (c Change) roomFor(n int64) Change {
	c.Room = n
	return c
}

// free asks that n can be spent.
func (c Change) free(n int64) Change {
	c.Free = n
	return c
}

// state is an account as a change finds it.
type state struct {
	currency string
	balance  int64
	held     int64
	version  int64
	closed   bool
}

// refusal is the guards of a change in Go: nil, or why the account does not take it.
func (c Change) refusal(at state) error {
	switch {
	case c.Currency != "" && at.closed:
		return participants.Reject(CodeAccountClosed, "account %s is closed", c.Account)
	case c.Currency != "" && at.currency != c.Currency:
		return participants.Reject(CodeCurrencyMismatch, "account %s is kept in %s, not %q", c.Account, at.currency, c.Currency)
	case c.Free > 0 && at.balance-at.held < c.Free:
		return participants.Reject(CodeInsufficientFunds, "account %s does not have %d %s free", c.Account, c.Free, at.currency)
	case c.Room > 0 && at.balance > MaxAmount-c.Room:
		return participants.Reject(CodeInvalidAmount, "account %s cannot hold so much", c.Account)
	}
	return nil
}

// after is the account as the change leaves it.
func (c Change) after(at state) state {
	at.balance += c.Balance
	at.held += c.Held
	if c.Entry {
		at.version++
	}
	return at
}

func (c Change) entries() int64 {
	if c.Entry {
		return 1
	}
	return 0
}

// changed reports whether a statement has changed a row.
func changed(res sql.Result, err error) (bool, error) {
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n > 0, err
}
