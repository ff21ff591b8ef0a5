package bench

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/girohq/giro/internal/drive"
	"github.com/girohq/giro/participants/ledger"
	"github.com/girohq/giro/saga"
)

// Enough money that none is refused but those that are meant to be.
const (
	opening  = 1_000_000_00 // minor units
	largest  = 100_00       // amount of a transfer
	currency = "EUR"
)

// The groups of sagas where one account is hot.
const (
	hot    = "hot"
	others = "others"
)

func bankName(i int) string { return fmt.Sprintf("B%d", i+1) }

func (w World) branches() []ledger.Branch {
	all := make([]ledger.Branch, w.Banks)
	for i := range all {
		all[i].Bank = bankName(i)
		for n := range w.Accounts {
			all[i].Accounts = append(all[i].Accounts, ledger.Account{Account: strconv.Itoa(n), Currency: currency, Balance: opening})
		}
	}
	return all
}

// load makes the sagas of a level.
type load struct {
	World
	random *rand.Rand
	stem   string // of the ids; it begins with the level's time, so that a directory may be used again
	most   int    // 0: no end
	n      int
	note   string
}

func (cfg Config) load(began time.Time) *load {
	return &load{World: cfg.World, random: rand.New(rand.NewPCG(uint64(began.UnixNano()), 0)), stem: strconv.FormatInt(began.UnixMicro(), 36),
		most: cfg.Transfers, note: strings.Repeat("x", cfg.Payload)}
}

// next makes a random saga.
func (l *load) next() (drive.Job, bool) {
	if l.n++; l.most > 0 && l.n > l.most {
		return drive.Job{}, false
	}
	t, group := l.transfer()
	job := drive.Job{Type: "transfer", ID: fmt.Sprintf("%s-%d", l.stem, l.n), Input: t.Input(), Group: group}
	if l.chained() {
		job.Type, job.Input = chainName(l.Steps), l.chain(t)
	}
	return job, true
}

// transfer makes the first and the last place, and the amount. Those that are refused come evenly; half of them ask for
// too much, and half pay to an account that does not exist.
func (l *load) transfer() (t ledger.Transfer, group string) {
	from := l.random.IntN(l.Banks)
	t = ledger.Transfer{From: l.place(from), To: l.place(from + 1), Amount: 1 + l.random.Int64N(largest), Currency: currency}
	if l.Hot > 0 {
		group = others
		if t.From.Account == "0" {
			t.From.Account = "1"
		}
		if l.random.Float64() < l.Hot {
			group, t.From = hot, ledger.Place{Bank: bankName(0), Account: "0"}
			t.To = l.place(1)
		}
	}
	refused := int(float64(l.n) * l.FailRate)
	switch {
	case refused == int(float64(l.n-1)*l.FailRate):
	case refused%2 == 1:
		t.Amount = ledger.MaxAmount
	default:
		t.To.Account = "nobody"
	}
	return t, group
}

// place is a random account of a bank, counted around. The first one is left to those who are to meet there.
func (l *load) place(bank int) ledger.Place {
	account := l.random.IntN(l.Accounts)
	if l.Hot > 0 {
		account = 1 + l.random.IntN(l.Accounts-1)
	}
	return ledger.Place{Bank: bankName(bank % l.Banks), Account: strconv.Itoa(account)}
}

// chained reports whether the sagas are longer, or carry more, than the built-in transfer.
func (w World) chained() bool { return w.Steps > 2 || w.Payload > 0 }

func chainName(steps int) string { return fmt.Sprintf("bench-%d", steps) }

// definitions are those that the load needs: money goes from place to place, by a debit and a credit each time. The
// last credit is the pivot.
func (w World) definitions() ([]*saga.Definition, error) {
	if !w.chained() {
		return nil, nil
	}
	var b strings.Builder
	fmt.Fprintf(&b, "saga: %s\nversion: 1\nsteps:\n", chainName(w.Steps))
	for i := range w.Steps {
		action, undo := "debit", "undo: refund"
		if i%2 == 1 {
			action, undo = "credit", "undo: uncredit"
		}
		if i == w.Steps-1 {
			undo = "kind: pivot"
		}
		fmt.Fprintf(&b, "  - {id: %s%d, participant: \"${input.bank%d}\", action: %s, key: \"${input.account%d}\", %s, timeout: 30s, retry: {attempts: 5},\n"+
			"     args: {account: \"${input.account%d}\", amount: \"${input.amount}\", currency: %s, note: \"${input.note}\"}}\n", action, i, i, action, i, undo, i, currency)
	}
	d, err := saga.Parse("bench.yaml", []byte(b.String()))
	if err != nil {
		return nil, fmt.Errorf("bench: its own definition: %w", err)
	}
	return []*saga.Definition{d}, nil
}

// chain is the input of a longer saga, from the first place of a transfer to the last.
func (l *load) chain(t ledger.Transfer) json.RawMessage {
	input := map[string]any{"amount": t.Amount, "note": l.note}
	at := t.From
	for i := range l.Steps {
		switch {
		case i == l.Steps-1:
			at = t.To
		case i > 0 && i%2 == 1:
			at = l.place(l.random.IntN(l.Banks))
		}
		input[fmt.Sprint("bank", i)], input[fmt.Sprint("account", i)] = at.Bank, at.Account
	}
	data, _ := json.Marshal(input) // strings and numbers
	return data
}
