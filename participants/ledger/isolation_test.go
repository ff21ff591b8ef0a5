package ledger

import (
	"testing"

	"github.com/girohq/giro/saga"
)

// TestMoneyThatIsNotFinalIsNotSpendable lets other sagas try to spend what one saga has reserved at
// the payer and announced at the payee. They are refused until it is settled, and unaffected when
// it is taken back.
func TestMoneyThatIsNotFinalIsNotSpendable(t *testing.T) {
	out, in := order("payer", 60, "EUR"), order("payee", 60, "EUR")
	begin := func(t *testing.T) *teller {
		b := newTeller(t, eur("payer", 100), eur("payee", 0))
		b.want(b.do(outward.try("A", out)), saga.Succeeded, "")
		announcement := inward.try("A", in)
		announcement.Step = "gift.try"
		b.want(b.do(announcement), saga.Succeeded, "")
		b.wantAccount("payer", 100, 60)
		b.wantAccount("payee", 0, 0)

		b.want(b.do(command("B", debit, order("payer", 41, "EUR"))), saga.Rejected, CodeInsufficientFunds)
		b.want(b.do(outward.try("C", order("payer", 41, "EUR"))), saga.Rejected, CodeInsufficientFunds)
		b.want(b.do(command("D", debit, order("payee", 1, "EUR"))), saga.Rejected, CodeInsufficientFunds)
		b.want(b.do(outward.try("E", order("payee", 1, "EUR"))), saga.Rejected, CodeInsufficientFunds)
		return b
	}
	t.Run("settled", func(t *testing.T) {
		b := begin(t)
		b.want(b.do(outward.confirm("A", out, saga.Pivot)), saga.Succeeded, "")
		settlement := inward.confirm("A", in, saga.Retriable)
		settlement.Step = "gift.confirm"
		b.want(b.do(settlement), saga.Succeeded, "")
		b.wantAccount("payer", 40, 0)
		b.wantAccount("payee", 60, 0)
		b.want(b.do(command("F", debit, order("payee", 60, "EUR"))), saga.Succeeded, "")
		b.want(b.do(command("G", debit, order("payer", 40, "EUR"))), saga.Succeeded, "")
		b.wantAccount("payee", 0, 0)
	})
	t.Run("taken back", func(t *testing.T) {
		b := begin(t)
		withdrawal := inward.cancel("A", in, saga.KnownSucceeded)
		withdrawal.Step = "gift.try"
		b.want(b.do(withdrawal), saga.Succeeded, "")
		b.want(b.do(outward.cancel("A", out, saga.KnownSucceeded)), saga.Succeeded, "")
		b.wantAccount("payee", 0, 0)
		b.want(b.do(command("F", debit, order("payer", 100, "EUR"))), saga.Succeeded, "")
		b.wantAccount("payer", 0, 0)
	})
}
