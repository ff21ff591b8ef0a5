package bench

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/girohq/giro/internal/drive"
	"github.com/girohq/giro/participants/ledger"
)

// The world of the bench: enough accounts that few transfers meet on one, and enough money that
// none is refused but those that are meant to be.
const (
	accountsEach = 10_000
	opening      = 1_000_000_00 // minor units
	largest      = 100_00       // amount of a transfer
	currency     = "EUR"
)

var bankNames = []string{"A", "B"}

func (cfg Config) branches() []ledger.Branch {
	all := make([]ledger.Branch, len(bankNames))
	for i, bank := range bankNames {
		all[i].Bank = bank
		for n := range cfg.each() {
			all[i].Accounts = append(all[i].Accounts, ledger.Account{Account: strconv.Itoa(n), Currency: currency, Balance: opening})
		}
	}
	return all
}

// each is how many accounts a bank has.
func (cfg Config) each() int { return cmp.Or(cfg.accounts, accountsEach) }

// jobs gives random transfers until the level is over. The ids begin with its time, so that a
// directory may be used again.
func (cfg Config) jobs(began time.Time) func() (drive.Job, bool) {
	random := rand.New(rand.NewPCG(uint64(began.UnixNano()), 0))
	stem := strconv.FormatInt(began.UnixMicro(), 36)
	n := 0
	return func() (drive.Job, bool) {
		if n++; cfg.Transfers > 0 && n > cfg.Transfers || cfg.Duration > 0 && time.Since(began) >= cfg.Duration {
			return drive.Job{}, false
		}
		t := cfg.transfer(random, n)
		return drive.Job{Type: "transfer", ID: fmt.Sprintf("%s-%d", stem, n), Input: t.Input()}, true
	}
}

// transfer makes the nth transfer. Of two hundred, one asks for too much, and one pays to an
// account that does not exist.
func (cfg Config) transfer(random *rand.Rand, n int) ledger.Transfer {
	from := random.IntN(len(bankNames))
	t := ledger.Transfer{
		From:     ledger.Place{Bank: bankNames[from], Account: strconv.Itoa(random.IntN(cfg.each()))},
		To:       ledger.Place{Bank: bankNames[1-from], Account: strconv.Itoa(random.IntN(cfg.each()))},
		Amount:   1 + random.Int64N(largest),
		Currency: currency,
	}
	switch n % 200 {
	case 50:
		t.Amount = ledger.MaxAmount
	case 150:
		t.To.Account = "nobody"
	}
	return t
}
