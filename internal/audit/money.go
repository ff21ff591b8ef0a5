package audit

import (
	"maps"
	"slices"
)

// money follows what is on no account, by currency.
type money struct {
	flight map[string]*InFlight
	// settled is what finished sagas have taken for good: nothing, for transfers. A saga of another
	// type may pay for something that is no account.
	settled map[string]int64
	// taken is what sagas under way have taken from each bank.
	taken map[purse]int64
}

// purse is the money of one currency at one bank.
type purse struct{ bank, currency string }

func newMoney() money {
	return money{flight: make(map[string]*InFlight), settled: make(map[string]int64), taken: make(map[purse]int64)}
}

// underWay counts the entries of a saga that is not judged.
func (m *money) underWay(records []record) {
	for currency, change := range changes(records) {
		f := m.flight[currency]
		if f == nil {
			f = &InFlight{Currency: currency}
			m.flight[currency] = f
		}
		f.Amount -= change
		f.Sagas++
	}
	for _, r := range records {
		for _, e := range r.entries {
			m.taken[purse{r.bank.name, e.currency}] -= e.change
		}
	}
}

// split tells what is settled at a bank from what is in flight.
func (m *money) split(p *Position) {
	p.InFlight = m.taken[purse{p.Bank, p.Currency}]
	p.Settled = p.Balance + p.InFlight
}

// settle counts the entries of a saga that is no transfer and has completed.
func (m *money) settle(records []record) {
	for currency, change := range changes(records) {
		m.settled[currency] -= change
	}
}

// changes sums up entries by currency.
func changes(records []record) map[string]int64 {
	var sums map[string]int64
	for _, r := range records {
		for _, e := range r.entries {
			if sums == nil {
				sums = make(map[string]int64, 1)
			}
			sums[e.currency] += e.change
		}
	}
	return sums
}

func (m *money) inFlight() []InFlight {
	list := make([]InFlight, 0, len(m.flight))
	for _, currency := range slices.Sorted(maps.Keys(m.flight)) {
		list = append(list, *m.flight[currency])
	}
	return list
}

// conserve compares, over all banks, what there is with what was there first.
func (m *money) conserve(banks []*bank, positions []Position, f *findings) {
	now, first := make(map[string]int64), make(map[string]int64)
	for _, p := range positions {
		now[p.Currency] += p.Balance
	}
	for _, b := range banks {
		for currency, amount := range b.openings {
			first[currency] += amount
		}
	}
	for currency, flying := range m.flight {
		now[currency] += flying.Amount
	}
	for currency, amount := range m.settled {
		now[currency] += amount
	}
	for _, currency := range slices.Sorted(maps.Keys(now)) {
		if now[currency] != first[currency] {
			f.add("I3", "", "%s: balances and money in flight come to %d, the accounts were opened with %d", currency, now[currency], first[currency])
		}
	}
}
