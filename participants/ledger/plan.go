package ledger

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
)

// Branch is a bank to bring up, with the accounts to open at it.
type Branch struct {
	Bank     string
	Accounts []Account // sorted by name
	Strategy Strategy  // Atomic if empty
}

// Assign gives banks their strategies; the name "" stands for all banks not named. A name that none
// of the branches has is refused with [ErrStrategy].
func Assign(branches []Branch, chosen map[string]Strategy) error {
	named := maps.Clone(chosen)
	for i := range branches {
		s, ok := chosen[branches[i].Bank]
		if !ok {
			s = chosen[""]
		}
		branches[i].Strategy = s
		delete(named, branches[i].Bank)
	}
	delete(named, "")
	for bank := range named {
		return fmt.Errorf("%w: there is no bank %s here", ErrStrategy, bank)
	}
	return nil
}

// Plan says which banks a run needs and which accounts are opened there, sorted by bank.
// Each bank that is named anywhere is in it. With accounts (not nil), exactly these are opened.
// Without, each paying account opens with all that it pays out, each receiving one empty.
func Plan(transfers []Transfer, accounts []BankAccount) ([]Branch, error) {
	p := plan{}
	for _, t := range transfers {
		p.bank(t.From.Bank)
		p.bank(t.To.Bank)
		if accounts != nil {
			continue
		}
		if err := p.fund(t); err != nil {
			return nil, fmt.Errorf("transfer %s: %w", t.ID, err)
		}
	}
	for _, a := range accounts {
		p.bank(a.Bank)[a.Account.Account] = a.Account
	}
	return p.branches(), nil
}

// plan is accounts by name by bank.
type plan map[string]map[string]Account

func (p plan) bank(name string) map[string]Account {
	if p[name] == nil {
		p[name] = map[string]Account{}
	}
	return p[name]
}

func (p plan) fund(t Transfer) error {
	if err := p.add(t.From, t.Amount, t.Currency); err != nil {
		return err
	}
	return p.add(t.To, 0, t.Currency)
}

func (p plan) add(at Place, amount int64, currency string) error {
	accounts := p.bank(at.Bank)
	a, known := accounts[at.Account]
	if known && a.Currency != currency {
		return fmt.Errorf("account %s of bank %s is used in %s and, before, in %s: an account has one currency",
			at.Account, at.Bank, currency, a.Currency)
	}
	if amount > MaxAmount-a.Balance {
		return fmt.Errorf("account %s of bank %s pays out more than an account can hold", at.Account, at.Bank)
	}
	accounts[at.Account] = Account{Account: at.Account, Currency: currency, Balance: a.Balance + amount}
	return nil
}

func (p plan) branches() []Branch {
	branches := make([]Branch, 0, len(p))
	for bank, byName := range p {
		b := Branch{Bank: bank, Accounts: make([]Account, 0, len(byName))}
		for _, a := range byName {
			b.Accounts = append(b.Accounts, a)
		}
		slices.SortFunc(b.Accounts, func(x, y Account) int { return cmp.Compare(x.Account, y.Account) })
		branches = append(branches, b)
	}
	slices.SortFunc(branches, func(x, y Branch) int { return cmp.Compare(x.Bank, y.Bank) })
	return branches
}
