package ledger

import (
	"errors"
	"strconv"
	"testing"

	"github.com/girohq/giro/saga"
)

// TestOpenAccounts holds that an opening balance counts once, over restarts too.
func TestOpenAccounts(t *testing.T) {
	dir := t.TempDir()
	first := openTeller(t, dir)
	n, err := first.OpenAccounts(t.Context(), []Account{eur("1", 100), eur("2", 0)})
	must(t, err)
	if n != 2 {
		t.Errorf("%d accounts opened", n)
	}
	first.do(command("T", debit, order("1", 60, "EUR")))
	must(t, first.Close())

	again := openTeller(t, dir)
	n, err = again.OpenAccounts(t.Context(), []Account{eur("1", 100), eur("2", 50), eur("3", 7)})
	must(t, err)
	if n != 1 {
		t.Errorf("%d accounts opened again", n)
	}
	again.wantBalance("1", 40)
	again.wantBalance("2", 0)
	again.wantBalance("3", 7)
}

func TestBadAccounts(t *testing.T) {
	b := newTeller(t, eur("1", 100))
	for name, tt := range map[string]struct {
		account Account
		want    error
	}{
		"name":           {eur("a b", 0), ErrInvalidAccount},
		"no name":        {eur("", 0), ErrInvalidAccount},
		"currency":       {Account{Account: "x", Currency: "eur"}, ErrInvalidAccount},
		"debt":           {eur("x", -1), ErrInvalidAccount},
		"too much":       {eur("x", MaxAmount+1), ErrInvalidAccount},
		"other currency": {Account{Account: "1", Currency: "CZK"}, ErrOtherCurrency},
	} {
		if _, err := b.OpenAccounts(t.Context(), []Account{eur("new", 1), tt.account}); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
	b.want(b.do(command("T", credit, order("new", 1, "EUR"))), saga.Rejected, CodeNoSuchAccount)
	b.wantBalance("1", 100)
}

func TestManyAccounts(t *testing.T) {
	const n = 10_000
	accounts := make([]Account, n)
	for i := range accounts {
		accounts[i] = eur(strconv.Itoa(i), int64(i))
	}
	b := newTeller(t)
	opened, err := b.OpenAccounts(t.Context(), accounts)
	must(t, err)
	if opened != n {
		t.Errorf("%d opened", opened)
	}
	b.wantBalance("9999", 9999)
}

func TestCloseAccount(t *testing.T) {
	b := newTeller(t, eur("1", 100))
	must(t, b.CloseAccount(t.Context(), "1"))
	must(t, b.CloseAccount(t.Context(), "1"))
	b.wantBalance("1", 100)
	if err := b.CloseAccount(t.Context(), "2"); !errors.Is(err, ErrNoSuchAccount) {
		t.Errorf("close an account that is not there: %v", err)
	}
}

func TestOpenRefusesBadNames(t *testing.T) {
	if _, err := Open(t.Context(), Config{Bank: "../b", Dir: t.TempDir()}); err == nil {
		t.Error("a bank outside of its directory")
	}
}
