package ledger

import (
	"testing"

	"github.com/girohq/giro/saga"
)

// orders are what can be asked of account 1, which has 100.00 EUR, 30.00 of it held.
var orders = []struct {
	name    string
	action  kind
	body    string
	outcome saga.Outcome
	code    string
	balance int64 // of account 1 afterwards
}{
	{"debit", debit, `{"account":"1","amount":2500,"currency":"EUR"}`, saga.Succeeded, "", 7500},
	{"debit all that is free", debit, `{"account":"1","amount":7000,"currency":"EUR"}`, saga.Succeeded, "", 3000},
	{"debit what is held", debit, `{"account":"1","amount":7001,"currency":"EUR"}`, saga.Rejected, CodeInsufficientFunds, 10000},
	{"debit too much", debit, `{"account":"1","amount":9007199254740991,"currency":"EUR"}`, saga.Rejected, CodeInsufficientFunds, 10000},
	{"credit", credit, `{"account":"1","amount":2500,"currency":"EUR"}`, saga.Succeeded, "", 12500},
	{"credit past the largest balance", credit, `{"account":"1","amount":9007199254740991,"currency":"EUR"}`, saga.Rejected, CodeInvalidAmount, 10000},
	{"credit up to the largest balance", credit, `{"account":"1","amount":9007199254730991,"currency":"EUR"}`, saga.Succeeded, "", MaxAmount},
	{"no such account", debit, `{"account":"2","amount":1,"currency":"EUR"}`, saga.Rejected, CodeNoSuchAccount, 10000},
	{"credit to no such account", credit, `{"account":"2","amount":1,"currency":"EUR"}`, saga.Rejected, CodeNoSuchAccount, 10000},
	{"no account", debit, `{"amount":1,"currency":"EUR"}`, saga.Rejected, CodeNoSuchAccount, 10000},
	{"closed", debit, `{"account":"closed","amount":1,"currency":"EUR"}`, saga.Rejected, CodeAccountClosed, 10000},
	{"credit to closed", credit, `{"account":"closed","amount":1,"currency":"EUR"}`, saga.Rejected, CodeAccountClosed, 10000},
	{"other currency", debit, `{"account":"1","amount":1,"currency":"CZK"}`, saga.Rejected, CodeCurrencyMismatch, 10000},
	{"credit in other currency", credit, `{"account":"1","amount":1,"currency":"CZK"}`, saga.Rejected, CodeCurrencyMismatch, 10000},
	{"no currency", debit, `{"account":"1","amount":1}`, saga.Rejected, CodeCurrencyMismatch, 10000},
	{"zero", debit, `{"account":"1","amount":0,"currency":"EUR"}`, saga.Rejected, CodeInvalidAmount, 10000},
	{"no amount", debit, `{"account":"1","currency":"EUR"}`, saga.Rejected, CodeInvalidAmount, 10000},
	{"negative debit", debit, `{"account":"1","amount":-1,"currency":"EUR"}`, saga.Rejected, CodeInvalidAmount, 10000},
	{"negative credit", credit, `{"account":"1","amount":-1,"currency":"EUR"}`, saga.Rejected, CodeInvalidAmount, 10000},
	{"above the largest amount", debit, `{"account":"1","amount":9007199254740992,"currency":"EUR"}`, saga.Rejected, CodeInvalidAmount, 10000},
	{"overflow", debit, `{"account":"1","amount":18446744073709551617,"currency":"EUR"}`, saga.Rejected, "invalid_arguments", 10000},
	{"float", debit, `{"account":"1","amount":1.5,"currency":"EUR"}`, saga.Rejected, "invalid_arguments", 10000},
	{"exponent", debit, `{"account":"1","amount":1e3,"currency":"EUR"}`, saga.Rejected, "invalid_arguments", 10000},
	{"quoted", debit, `{"account":"1","amount":"1","currency":"EUR"}`, saga.Rejected, "invalid_arguments", 10000},
}

func TestActions(t *testing.T) {
	for _, tt := range orders {
		t.Run(tt.name, func(t *testing.T) {
			b := newTeller(t, eur("1", 10000), eur("closed", 500))
			b.hold("1", 3000)
			must(t, b.CloseAccount(t.Context(), "closed"))
			b.want(b.do(command("T", tt.action, []byte(tt.body))), tt.outcome, tt.code)
			b.wantBalance("1", tt.balance)
			b.wantBalance("closed", 500)
		})
	}
}

func TestUndoOfADebit(t *testing.T) {
	t.Run("refund", func(t *testing.T) {
		b := newTeller(t, eur("1", 100))
		c := command("T", debit, order("1", 60, "EUR"))
		b.want(b.do(c), saga.Succeeded, "")
		b.want(b.do(undo(c, saga.KnownSucceeded)), saga.Succeeded, "")
		b.want(b.do(undo(c, saga.KnownSucceeded)), saga.Succeeded, "")
		b.wantBalance("1", 100)
		if _, version := b.balance("1"); version != 3 {
			t.Errorf("%d entries, want the opening, the debit and one refund", version)
		}
	})
	t.Run("refund to a closed account", func(t *testing.T) {
		b := newTeller(t, eur("1", 100))
		c := command("T", debit, order("1", 60, "EUR"))
		b.do(c)
		must(t, b.CloseAccount(t.Context(), "1"))
		b.want(b.do(undo(c, saga.KnownSucceeded)), saga.Succeeded, "")
		b.wantBalance("1", 100)
	})
	t.Run("refund of a refused debit", func(t *testing.T) {
		b := newTeller(t, eur("1", 100))
		c := command("T", debit, order("1", 101, "EUR"))
		b.want(b.do(c), saga.Rejected, CodeInsufficientFunds)
		b.want(b.do(undo(c, saga.KnownUnknown)), saga.Succeeded, "")
		b.wantBalance("1", 100)
	})
	t.Run("refund before its debit", func(t *testing.T) {
		b := newTeller(t, eur("1", 100))
		c := command("T", debit, order("1", 60, "EUR"))
		b.want(b.do(undo(c, saga.KnownUnknown)), saga.Succeeded, "")
		b.want(b.do(c), saga.Fenced, "fenced")
		b.wantBalance("1", 100)
	})
	t.Run("refund takes the amount from the entry", func(t *testing.T) {
		b := newTeller(t, eur("1", 100), eur("2", 0))
		c := command("T", debit, order("1", 60, "EUR"))
		b.do(c)
		forged := undo(c, saga.KnownSucceeded)
		forged.Body = order("2", 90, "EUR")
		b.want(b.do(forged), saga.Succeeded, "")
		b.wantBalance("1", 100)
		b.wantBalance("2", 0)
	})
}

func TestUndoOfACredit(t *testing.T) {
	t.Run("uncredit", func(t *testing.T) {
		b := newTeller(t, eur("1", 0))
		c := command("T", credit, order("1", 60, "EUR"))
		b.want(b.do(c), saga.Succeeded, "")
		b.want(b.do(undo(c, saga.KnownSucceeded)), saga.Succeeded, "")
		b.wantBalance("1", 0)
	})
	t.Run("uncredit of spent money", func(t *testing.T) {
		b := newTeller(t, eur("1", 0))
		c := command("T", credit, order("1", 60, "EUR"))
		b.do(c)
		b.want(b.do(command("U", debit, order("1", 1, "EUR"))), saga.Succeeded, "")
		b.want(b.do(undo(c, saga.KnownSucceeded)), saga.Retried, CodeInsufficientFunds)
		b.wantBalance("1", 59)
		b.want(b.do(command("V", credit, order("1", 1, "EUR"))), saga.Succeeded, "")
		b.want(b.do(undo(c, saga.KnownSucceeded)), saga.Succeeded, "")
		b.wantBalance("1", 0)
	})
	t.Run("uncredit leaves what is held", func(t *testing.T) {
		b := newTeller(t, eur("1", 0))
		c := command("T", credit, order("1", 60, "EUR"))
		b.do(c)
		b.hold("1", 1)
		b.want(b.do(undo(c, saga.KnownSucceeded)), saga.Retried, CodeInsufficientFunds)
		b.wantBalance("1", 60)
	})
}

// TestOneAccountInOneBatch holds that two sagas cannot spend the same money, whatever transaction
// they are in.
func TestOneAccountInOneBatch(t *testing.T) {
	b := newTeller(t, eur("1", 100))
	b.want(b.do(command("T", debit, order("1", 60, "EUR"))), saga.Succeeded, "")
	b.want(b.do(command("U", debit, order("1", 60, "EUR"))), saga.Rejected, CodeInsufficientFunds)
	b.want(b.do(command("U", debit, order("1", 60, "EUR"))), saga.Rejected, CodeInsufficientFunds)
	b.wantBalance("1", 40)
}
