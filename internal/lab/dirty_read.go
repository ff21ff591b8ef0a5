package lab

import (
	"context"
	"fmt"
	"runtime"

	"github.com/girohq/giro/participants/ledger"
	"github.com/girohq/giro/saga"
)

func dirtyRead() Experiment {
	both := []Database{SQLite, Postgres}
	return Experiment{
		Name:      "dirty-read",
		Sentence:  "A saga gives money and is compensated later; another has spent it in between, and it cannot be taken back.",
		Operation: "a transfer whose payer has no money half of the time, and a payment by its payee before that is known",
		Anomaly:   "money given by a transfer that was refused, and not taken back",
		Techniques: []Technique{
			{Name: None, On: both, Prepare: transferred(payees.early),
				Sentence: "Credit the payee, then debit the payer; if that is refused, uncredit, which finds the money spent three times."},
			{Name: "hold", Kind: "compensation", Claims: true, On: both, Prepare: transferred(payees.announced),
				Sentence: "Announce the credit, debit the payer, then settle or withdraw what was announced: what is not final cannot be spent (try, confirm, cancel)."},
			{Name: "credit last", Kind: "compensation", Claims: true, On: both, Prepare: transferred(payees.late),
				Sentence: "Debit the payer first: what others can spend comes after all that can be refused, and is never compensated."},
		},
	}
}

// Each key has these accounts. The payer of a transfer is one with money, or one without.
const (
	payee = "payee-%d"
	rich  = "rich-%d"
	poor  = "poor-%d"

	fortune = 1_000_000_000_000
)

// countUnpaid counts credits of transfers that were not paid and not taken back, and accounts that
// are not what their entries say.
const countUnpaid = `SELECT (
	SELECT count(*) FROM entries c WHERE c.kind = 'credit'
		AND NOT EXISTS (SELECT 1 FROM entries d WHERE d.saga = c.saga AND d.kind = 'debit')
		AND NOT EXISTS (SELECT 1 FROM entries u WHERE u.saga = c.saga AND u.kind = 'uncredit')
) + (
	SELECT count(*) FROM accounts a LEFT JOIN (SELECT account, sum(change) AS total FROM entries GROUP BY account) e
		ON e.account = a.account WHERE a.balance <> coalesce(e.total, 0)
)`

// payees are accounts at a bank's ledger.
type payees struct {
	*station
	met *Met
}

// pair is one operation: a transfer, and a payment by its payee.
type pair struct {
	key   int
	id    string // of the transfer
	payer string
	spend func() (spent bool, err error)
}

func transferred(transfer func(payees, context.Context, pair) (spent bool, err error)) preparation {
	return func(ctx context.Context, w *World, on Database, load Load) (*Trial, error) {
		var accounts []ledger.Account
		for key := range load.Keys {
			accounts = append(accounts, opening(payee, key, 0), opening(rich, key, fortune), opening(poor, key, 0))
		}
		s, err := w.openLedger(ctx, on, accounts)
		if err != nil {
			return nil, err
		}
		p := payees{station: s, met: &Met{}}
		do := func(ctx context.Context, _, n int) error {
			key := n % load.Keys
			t := pair{key: key, id: fmt.Sprint("transfer-", n), payer: rich}
			if load.draw(n).IntN(2) == 0 {
				t.payer = poor
			}
			t.spend = func() (bool, error) {
				return p.accepted(ctx, key, p.step(fmt.Sprint("payment-", n), "debit", "debit", payee, key))
			}
			spent, err := transfer(p, ctx, t)
			if err == nil && !spent {
				err = ErrRefused
			}
			return err
		}
		return &Trial{Do: do, Met: p.met, Close: s.close, Anomalies: func(ctx context.Context) (int, error) {
			return s.number(ctx, countUnpaid)
		}}, nil
	}
}

func opening(name string, key int, balance int64) ledger.Account {
	return ledger.Account{Account: fmt.Sprintf(name, key), Currency: "EUR", Balance: balance}
}

// step is a command about 1 EUR of an account.
func (p payees) step(id, step, action, account string, key int) saga.Command {
	return saga.Command{SagaID: id, Step: step, Action: action, Direction: saga.Forward,
		Body: fmt.Appendf(nil, `{"account":%q,"amount":100,"currency":"EUR"}`, fmt.Sprintf(account, key))}
}

// accepted says whether the ledger has done what it may refuse for want of money.
func (p payees) accepted(ctx context.Context, key int, c saga.Command) (bool, error) {
	r, err := p.send(ctx, key, c)
	switch {
	case err != nil:
		return false, err
	case r.Outcome == saga.Rejected && r.Code == ledger.CodeInsufficientFunds:
		return false, nil
	case r.Outcome != saga.Succeeded:
		return false, unexpected(r)
	}
	return true, nil
}

// debit takes the money of the transfer from its payer.
func (p payees) debit(ctx context.Context, t pair) (bool, error) {
	return p.accepted(ctx, t.key, p.step(t.id, "debit", "debit", t.payer, t.key))
}

func (p payees) early(ctx context.Context, t pair) (spent bool, err error) {
	credit := p.step(t.id, "credit", "credit", payee, t.key)
	if err := p.ask(ctx, t.key, credit); err != nil {
		return false, err
	}
	if spent, err = t.spend(); err != nil {
		return false, err
	}
	paid, err := p.debit(ctx, t)
	if err != nil || paid {
		return spent, err
	}
	return spent, p.uncredit(ctx, t.key, credit)
}

// undoAttempts is how often an undo is tried before a person would be asked.
const undoAttempts = 3

// uncredit is tried again when the money is spent. That it stays so is seen in the data.
func (p payees) uncredit(ctx context.Context, key int, credit saga.Command) error {
	c := undoOf(credit, "uncredit")
	for try := range undoAttempts {
		if try > 0 {
			p.met.Retries.Add(1)
			runtime.Gosched()
		}
		r, err := p.send(ctx, key, c)
		switch {
		case err != nil || r.Outcome == saga.Succeeded:
			return err
		case r.Outcome != saga.Retried || r.Code != ledger.CodeInsufficientFunds:
			return unexpected(r)
		}
	}
	return nil
}

func undoOf(c saga.Command, action string) saga.Command {
	c.Action, c.Direction, c.Known = action, saga.Backward, saga.KnownSucceeded
	return c
}

func (p payees) announced(ctx context.Context, t pair) (spent bool, err error) {
	announce := p.step(t.id, "credit.try", "announce", payee, t.key)
	if err := p.ask(ctx, t.key, announce); err != nil {
		return false, err
	}
	if spent, err = t.spend(); err != nil {
		return false, err
	}
	paid, err := p.debit(ctx, t)
	if err != nil {
		return false, err
	}
	if !paid {
		return spent, p.ask(ctx, t.key, undoOf(announce, "withdraw"))
	}
	return spent, p.ask(ctx, t.key, p.step(t.id, "credit.confirm", "settle", payee, t.key))
}

func (p payees) late(ctx context.Context, t pair) (spent bool, err error) {
	paid, err := p.debit(ctx, t)
	if err != nil {
		return false, err
	}
	spent, err = t.spend()
	if err == nil && paid {
		err = p.ask(ctx, t.key, p.step(t.id, "credit", "credit", payee, t.key))
	}
	return spent, err
}
