package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/girohq/giro/internal/pgtest"
	"github.com/girohq/giro/races"
	"github.com/girohq/giro/saga"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		pgtest.Stop()
		os.Exit(code)
	}))
}

// teller is a bank on a real database, whose commands come by hand instead of from a broker.
type teller struct {
	testing.TB
	*Bank
	clock func() time.Time
}

// Name is the test's: the bank has one too.
func (b *teller) Name() string { return b.TB.Name() }

func newTeller(t testing.TB, accounts ...Account) *teller {
	t.Helper()
	b := conformingTeller(t)
	if b == nil {
		b = openTeller(t, t.TempDir())
	}
	_, err := b.OpenAccounts(context.Background(), accounts)
	must(t, err)
	return b
}

func openTeller(t testing.TB, dir string) *teller {
	t.Helper()
	return openBank(t, Config{Dir: dir})
}

func openBank(t testing.TB, cfg Config) *teller {
	t.Helper()
	b := &teller{TB: t, clock: func() time.Time { return time.UnixMicro(1_000_000) }}
	cfg.Bank, cfg.Log, cfg.Now = "B", zerolog.Nop(), func() time.Time { return b.clock() }
	bank, err := Open(context.Background(), cfg)
	must(t, err)
	t.Cleanup(func() { must(t, bank.Close()) })
	b.Bank = bank
	return b
}

func eur(account string, balance int64) Account {
	return Account{Account: account, Currency: "EUR", Balance: balance}
}

// do has the bank act on one command.
func (b *teller) do(c saga.Command) saga.Reply {
	b.Helper()
	r, err := b.participant.Apply(context.Background(), c, "origin1")
	must(b, err)
	return r
}

func (b *teller) want(r saga.Reply, outcome saga.Outcome, code string) {
	b.Helper()
	if r.Outcome != outcome || r.Code != code {
		b.Errorf("%s: %s %q (%s), want %s %q", r.Op(), r.Outcome, r.Code, r.Message, outcome, code)
	}
	if outcome == saga.Succeeded && string(r.Body) != "{}" {
		b.Errorf("%s: result %s", r.Op(), r.Body)
	}
}

// wantRaces compares one of the bank's counters.
func (b *teller) wantRaces(k races.Kind, want uint64) {
	b.Helper()
	if got := b.Races().Of(k); got != want {
		b.Errorf("%s: %d, want %d", k.Name(), got, want)
	}
}

// balance is what stands on an account and how many entries moved it.
func (b *teller) balance(account string) (balance, version int64) {
	b.Helper()
	must(b, b.db.Read().QueryRow(`SELECT balance, version FROM accounts WHERE account = $1`, account).Scan(&balance, &version))
	return balance, version
}

func (b *teller) wantBalance(account string, want int64) {
	b.Helper()
	if got, _ := b.balance(account); got != want {
		b.Errorf("account %s has %d, want %d", account, got, want)
	}
	b.audit()
}

// audit checks what must hold at every commit: the trial balance is zero, each account is what
// its entries say, step by step, and it holds what its open holds say.
func (b *teller) audit() {
	b.Helper()
	var wrong []string
	must(b, b.db.Read().Select(&wrong, `
		SELECT 'trial balance of ' || currency || ' is ' || difference FROM trial_balance WHERE difference <> 0
		UNION ALL
		SELECT 'entry ' || version || ' of ' || account || ' leaves ' || balance || ', its history ' || history
		FROM (SELECT account, version, balance, sum(change) OVER w AS history, row_number() OVER w AS place
			FROM entries WINDOW w AS (PARTITION BY account ORDER BY version)) placed
		WHERE balance <> history OR version <> place
		UNION ALL
		SELECT 'account ' || account || ' is not at its last entry'
		FROM accounts LEFT JOIN (SELECT account, count(*) AS n FROM entries GROUP BY account) counted USING (account)
		WHERE version <> coalesce(n, 0)
		UNION ALL
		SELECT 'account ' || account || ' holds ' || held || ', its open holds come to ' || coalesce(open, 0)
		FROM accounts LEFT JOIN (SELECT account, sum(amount) AS open FROM holds WHERE state = 'held' AND direction = 'out' GROUP BY account) summed
			USING (account)
		WHERE held <> coalesce(open, 0)`))
	for _, w := range wrong {
		b.Error(w)
	}
}

func order(account string, amount int64, currency string) json.RawMessage {
	return fmt.Appendf(nil, `{"account":%q,"amount":%d,"currency":%q}`, account, amount, currency)
}

// hold promises a part of a balance.
func (b *teller) hold(account string, amount int64) {
	b.Helper()
	b.want(b.do(outward.try("holder-"+account, order(account, amount, "EUR"))), saga.Succeeded, "")
}

// command asks for one step of a saga, forward.
func command(id string, action kind, body json.RawMessage) saga.Command {
	return saga.Command{SagaID: id, SagaType: "transfer", Step: string(action), Kind: saga.Compensatable, Direction: saga.Forward,
		Attempt: 1, Participant: "B", Action: string(action), Key: "k", Body: body}
}

// undo asks for the undo of a command.
func undo(c saga.Command, known saga.Known) saga.Command {
	c.Direction, c.Known = saga.Backward, known
	c.Action = map[string]string{"debit": "refund", "credit": "uncredit"}[c.Action]
	return c
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
