package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/girohq/giro/participants"
	"github.com/girohq/giro/saga"
)

// Account is a customer's account as it is opened.
type Account struct {
	Account  string
	Currency string // three capital letters
	Balance  int64  // minor units, 0 to MaxAmount
}

// OpenAccounts opens the accounts that do not exist yet, with their opening balances, all in
// one transaction. An account that exists stays as it is. It returns how many were opened.
func (b *Bank) OpenAccounts(ctx context.Context, accounts []Account) (opened int, err error) {
	for _, a := range accounts {
		if err := a.check(); err != nil {
			return 0, fmt.Errorf("bank %s: account %q: %w", b.name, a.Account, err)
		}
	}
	err = b.db.Write(ctx, func(tx participants.Tx) error {
		opened = 0
		for _, a := range accounts {
			fresh, err := openAccount(ctx, tx, a, b.now())
			if err != nil {
				return fmt.Errorf("bank %s: account %s: %w", b.name, a.Account, err)
			}
			if fresh {
				opened++
			}
		}
		return nil
	})
	return opened, err
}

func (a Account) check() error {
	switch {
	case !saga.IsID(a.Account):
		return fmt.Errorf("%w: bad name", ErrInvalidAccount)
	case !isCurrency(a.Currency):
		return fmt.Errorf("%w: bad currency %q", ErrInvalidAccount, a.Currency)
	case a.Balance < 0 || a.Balance > MaxAmount:
		return fmt.Errorf("%w: bad balance %d", ErrInvalidAccount, a.Balance)
	}
	return nil
}

func openAccount(ctx context.Context, tx participants.Tx, a Account, now time.Time) (fresh bool, err error) {
	version := min(a.Balance, 1) // an empty account has no entry yet
	fresh, err = changed(tx.ExecContext(ctx, `INSERT INTO accounts (account, currency, balance, version) VALUES (?, ?, ?, ?)
		ON CONFLICT DO NOTHING`, a.Account, a.Currency, a.Balance, version))
	switch {
	case err != nil:
		return false, err
	case !fresh:
		return false, sameCurrency(ctx, tx, a)
	case a.Balance == 0:
		return true, nil
	}
	return true, post(ctx, tx, entry{step: a.Account, kind: opening, account: a.Account, amount: a.Balance}, now)
}

func sameCurrency(ctx context.Context, tx participants.Tx, a Account) error {
	var currency string
	if err := tx.GetContext(ctx, &currency, `SELECT currency FROM accounts WHERE account = ?`, a.Account); err != nil {
		return err
	}
	if currency != a.Currency {
		return fmt.Errorf("%w: %s, not %s", ErrOtherCurrency, currency, a.Currency)
	}
	return nil
}

// CloseAccount closes an account: from now on debits and credits are refused, undos still work.
// What it holds stays on it. Closing it again changes nothing.
func (b *Bank) CloseAccount(ctx context.Context, account string) error {
	err := b.db.Write(ctx, func(tx participants.Tx) error {
		closed, err := changed(tx.ExecContext(ctx, `UPDATE accounts SET closed = 1 WHERE account = ?`, account))
		if err == nil && !closed {
			err = ErrNoSuchAccount
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("bank %s: close account %q: %w", b.name, account, err)
	}
	return nil
}
