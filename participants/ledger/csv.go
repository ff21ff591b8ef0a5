package ledger

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/girohq/giro/saga"
)

// The headers of the two files, exactly.
const (
	TransfersHeader = "id,from_bank,from_account,to_bank,to_account,amount,currency"
	AccountsHeader  = "bank,account,currency,balance"
)

// Transfer is one line of a file of transfers.
type Transfer struct {
	ID       string
	From, To Place
	Amount   int64 // minor units, 1 to MaxAmount
	Currency string
}

// Place is an account at a bank.
type Place struct {
	Bank    string `json:"bank"`
	Account string `json:"account"`
}

// Input is the input of the saga "transfer".
func (t Transfer) Input() json.RawMessage {
	// Plain strings and integers always marshal.
	input, _ := json.Marshal(struct {
		From     Place  `json:"from"`
		To       Place  `json:"to"`
		Amount   int64  `json:"amount"`
		Currency string `json:"currency"`
	}{t.From, t.To, t.Amount, t.Currency})
	return input
}

// ReadTransfers reads a file of transfers. With bad lines in it, all that is wrong comes as
// [*BadLines], and no transfer; another error is the reader's. An account may pay to itself.
func ReadTransfers(name string, r io.Reader) ([]Transfer, error) {
	var transfers []Transfer
	l := newLines(name, r)
	err := l.read(TransfersHeader, func(f []string, line int) []error {
		var wrong complaints
		t := Transfer{
			ID:       wrong.id("id", f[0]),
			From:     Place{Bank: wrong.id("from_bank", f[1]), Account: wrong.id("from_account", f[2])},
			To:       Place{Bank: wrong.id("to_bank", f[3]), Account: wrong.id("to_account", f[4])},
			Amount:   wrong.amount("amount", f[5], 1),
			Currency: wrong.currency(f[6]),
		}
		wrong.add(l.once(t.ID, "id "+t.ID, line))
		transfers = append(transfers, t)
		return wrong
	})
	if err != nil {
		return nil, err
	}
	return transfers, nil
}

// BankAccount is one line of a file of accounts.
type BankAccount struct {
	Bank string
	Account
}

// ReadAccounts reads a file of accounts; its errors are as those of [ReadTransfers]. A file
// with only a header gives an empty list that is not nil.
func ReadAccounts(name string, r io.Reader) ([]BankAccount, error) {
	accounts := []BankAccount{}
	l := newLines(name, r)
	err := l.read(AccountsHeader, func(f []string, line int) []error {
		var wrong complaints
		a := BankAccount{
			Bank: wrong.id("bank", f[0]),
			Account: Account{
				Account:  wrong.id("account", f[1]),
				Currency: wrong.currency(f[2]),
				Balance:  wrong.amount("balance", f[3], 0),
			},
		}
		wrong.add(l.once(a.Bank+"/"+a.Account.Account, "account "+a.Account.Account+" of bank "+a.Bank, line))
		accounts = append(accounts, a)
		return wrong
	})
	if err != nil {
		return nil, err
	}
	return accounts, nil
}

// complaints are what is wrong with one line.
type complaints []error

func (c *complaints) add(err error) {
	if err != nil {
		*c = append(*c, err)
	}
}

// id takes a column that must be an identifier. The string is copied: the row it stands in is
// one long string, which a kept column would keep whole.
func (c *complaints) id(column, value string) string {
	c.add(saga.CheckID(column, value))
	return strings.Clone(value)
}

func (c *complaints) amount(column, value string, least int64) int64 {
	n, err := ParseAmount(value)
	if err == nil && n < least {
		err = errAmountZero
	}
	if err != nil {
		c.add(fmt.Errorf("%s %q %w", column, value, err))
	}
	return n
}

func (c *complaints) currency(value string) string {
	if !isCurrency(value) {
		c.add(fmt.Errorf("currency %q must be three capital letters", value))
	}
	return strings.Clone(value)
}
