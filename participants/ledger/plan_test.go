package ledger

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func transfer(id, from, to string, amount int64, currency string) Transfer {
	place := func(s string) Place {
		bank, account, _ := strings.Cut(s, "/")
		return Place{bank, account}
	}
	return Transfer{ID: id, From: place(from), To: place(to), Amount: amount, Currency: currency}
}

func TestPlanWithoutAccounts(t *testing.T) {
	got, err := Plan([]Transfer{
		transfer("1", "B/1", "A/9", 10, "EUR"),
		transfer("2", "B/1", "C/1", 5, "EUR"),
		transfer("3", "A/9", "B/2", 7, "EUR"),
		transfer("4", "A/8", "A/8", 3, "CZK"),
	}, nil)
	want := []Branch{
		{Bank: "A", Accounts: []Account{{"8", "CZK", 3}, {"9", "EUR", 7}}},
		{Bank: "B", Accounts: []Account{{"1", "EUR", 15}, {"2", "EUR", 0}}},
		{Bank: "C", Accounts: []Account{{"1", "EUR", 0}}},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
}

// TestPlanWithAccounts holds that exactly the listed accounts are opened, and that a bank which
// only a transfer names is there to refuse.
func TestPlanWithAccounts(t *testing.T) {
	transfers := []Transfer{transfer("1", "B/1", "A/9", 10, "EUR"), transfer("2", "B/1", "A/9", 10, "CZK")}
	got, err := Plan(transfers, []BankAccount{{"B", eur("1", 4)}, {"D", eur("2", 0)}})
	want := []Branch{{Bank: "A", Accounts: []Account{}}, {Bank: "B", Accounts: []Account{eur("1", 4)}}, {Bank: "D", Accounts: []Account{eur("2", 0)}}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	if got, err = Plan(transfers, []BankAccount{}); err != nil || len(got) != 2 || len(got[0].Accounts)+len(got[1].Accounts) != 0 {
		t.Errorf("an empty file of accounts: %v, %v", got, err)
	}
}

func TestPlanRefuses(t *testing.T) {
	for name, transfers := range map[string][]Transfer{
		"transfer 2: account 9 of bank A is used in CZK and, before, in EUR": {
			transfer("1", "B/1", "A/9", 10, "EUR"), transfer("2", "A/9", "B/2", 5, "CZK")},
		"transfer 2: account 1 of bank B pays out more than an account can hold": {
			transfer("1", "B/1", "A/9", MaxAmount, "EUR"), transfer("2", "B/1", "A/9", 1, "EUR")},
	} {
		if _, err := Plan(transfers, nil); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v, want %s", err, name)
		}
	}
}

// TestAssign holds which bank gets which strategy.
func TestAssign(t *testing.T) {
	branches := []Branch{{Bank: "A"}, {Bank: "B"}}
	must(t, Assign(branches, nil))
	if branches[0].Strategy != "" {
		t.Errorf("nothing chosen: %v", branches)
	}
	must(t, Assign(branches, map[string]Strategy{"": Optimistic, "B": Locked}))
	if branches[0].Strategy != Optimistic || branches[1].Strategy != Locked {
		t.Errorf("%v", branches)
	}
	if err := Assign(branches, map[string]Strategy{"C": Locked}); !errors.Is(err, ErrStrategy) {
		t.Errorf("a bank that is not there: %v", err)
	}
}
