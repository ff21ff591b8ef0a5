package audit

import (
	"fmt"

	"github.com/girohq/giro/saga"
)

// Report is what an audit has found. Amounts are minor units.
type Report struct {
	OK         bool        `json:"ok"` // no violation
	Violations []Violation `json:"violations"`
	More       int         `json:"more,omitempty"` // violations beyond those listed
	Banks      []Position  `json:"banks"`
	InFlight   []InFlight  `json:"in_flight"`
	Open       []Open      `json:"open,omitempty"` // no violations: a person has taken them on
	Judged     int         `json:"-"`              // terminal sagas: with none the audit proves nothing
	Live       int         `json:"-"`              // sagas that were not terminal yet
	Told       int         `json:"-"`              // answers in the logs of clients
}

// Violation is an invariant that does not hold. Saga is "" where none is to blame.
type Violation struct {
	Invariant string `json:"invariant"` // I1 to I10, or I12
	Saga      string `json:"saga"`
	Detail    string `json:"detail"`
}

// Position is what the customers of a bank have in one currency.
type Position struct {
	Bank     string `json:"bank"`
	Currency string `json:"currency"`
	Accounts int    `json:"accounts"`
	Balance  int64  `json:"balance"` // settled less in flight
	Held     int64  `json:"held"`    // of the balance, by open holds
	Settled  int64  `json:"-"`       // what the finished sagas have left there
	InFlight int64  `json:"-"`       // what sagas under way have taken from there, less what they have given
}

// InFlight is the money of one currency that sagas under way have taken and not given yet.
type InFlight struct {
	Currency string `json:"currency"`
	Amount   int64  `json:"amount"`
	Sagas    int    `json:"sagas"` // that have moved money, also those whose amount is nothing again
}

// Open is a step that a person has settled by force, without asking its participant: what was asked of
// it may still happen.
type Open struct {
	Saga  string         `json:"saga"`
	Step  string         `json:"step"` // the step run
	State saga.StepState `json:"state"`
}

// maxPerInvariant bounds what is listed: a lost file breaks one invariant a million times.
const maxPerInvariant = 100

// findings collects violations in the order in which they are found.
type findings struct {
	list  []Violation
	count map[string]int
	more  int
}

func (f *findings) add(invariant, saga, format string, a ...any) {
	f.append(Violation{Invariant: invariant, Saga: saga, Detail: fmt.Sprintf(format, a...)})
}

func (f *findings) append(v Violation) {
	if f.count == nil {
		f.count = make(map[string]int)
	}
	if f.count[v.Invariant]++; f.count[v.Invariant] > maxPerInvariant {
		f.more++
		return
	}
	f.list = append(f.list, v)
}

// take moves in what another part has found.
func (f *findings) take(other *findings) {
	for _, v := range other.list {
		f.append(v)
	}
	f.more += other.more
}
