package sagatest

import (
	"fmt"
	"strings"

	"github.com/girohq/giro/saga"
)

// Invariant is a promise that a run is held against, numbered as on the reliability page.
type Invariant string

// The invariants.
const (
	AcceptedIsKept   Invariant = "I1"  // a saga that a client was told is accepted exists, with its input
	EverySagaEnds    Invariant = "I2"  // when faults stop it ends, or is suspended with a cause
	MoneyIsConserved Invariant = "I3"  // balances and what is in transit add up, at every commit
	NoOverdraft      Invariant = "I4"  // no balance is below zero, at any commit
	AtMostOneEffect  Invariant = "I5"  // of a step run, and at most one reversal, of the same amount
	OutcomeIsAtomic  Invariant = "I6"  // completed: every effect stands; compensated: none; nothing outside a saga
	NoLateForward    Invariant = "I7"  // no effect after the proof that there would be none
	UndoneInOrder    Invariant = "R14" // what came after a step is undone before it
	TerminalIsFinal  Invariant = "I12" // a saga that has ended never changes
)

// maxViolations is how many are kept of one run: the first ones tell.
const maxViolations = 20

// Violation is a broken invariant.
type Violation struct {
	Invariant Invariant
	Saga      string
	Detail    string
}

func (v Violation) String() string { return string(v.Invariant) + " " + v.Saga + ": " + v.Detail }

// audit watches what the databases commit, and trusts nothing else.
type audit struct {
	trace      *trace
	violations []Violation
	books      map[string]*book
	order      []*book // as they were opened
	accepted   []*start
	initial    int64 // all the money there is
	balances   int64 // in all banks
	inTransit  int64 // taken by live sagas and not given yet
	open       int   // sagas that are not terminal
	live       int   // sagas that are neither terminal nor suspended
}

// book is what the banks have done for one saga.
type book struct {
	id    string
	state saga.State // "" until the orchestrator has committed it
	saga  saga.Instance
	def   *saga.Definition
	net   int64 // taken less given
	steps []stepBook
}

// stepBook is what they have done for one step run.
type stepBook struct {
	step             string
	amount           int64
	effects, reverse int
	proven           bool // that no effect will come
}

func (a *audit) book(id string) *book {
	b, ok := a.books[id]
	if !ok {
		b = &book{id: id}
		a.books[id] = b
		a.order = append(a.order, b)
	}
	return b
}

func (b *book) step(run string) *stepBook {
	for i := range b.steps {
		if b.steps[i].step == run {
			return &b.steps[i]
		}
	}
	b.steps = append(b.steps, stepBook{step: run})
	return &b.steps[len(b.steps)-1]
}

func (a *audit) violated(invariant Invariant, id, format string, args ...any) {
	v := Violation{Invariant: invariant, Saga: id, Detail: fmt.Sprintf(format, args...)}
	a.trace.add("audit", string(invariant), v.String())
	if len(a.violations) < maxViolations {
		a.violations = append(a.violations, v)
	}
}

// posted judges a bank's commit, a moment before it is written.
func (a *audit) posted(tx *bankTx, journal []posting) {
	for account, balance := range tx.accounts {
		a.balances += balance - tx.base.accounts[account]
		if balance < 0 {
			a.violated(NoOverdraft, "", "an account at %s is overdrawn", tx.base.name)
		}
	}
	last := ""
	for _, p := range journal {
		last = p.saga
		a.post(a.book(p.saga), p)
	}
	a.conserved(last)
}

func (a *audit) post(b *book, p posting) {
	s := b.step(p.step)
	switch p.kind {
	case proof:
		s.proven = true
		return
	case effect:
		s.effects++
		s.amount = p.amount
		if s.effects > 1 {
			a.violated(AtMostOneEffect, b.id, "step %s took effect %d times", p.step, s.effects)
		}
		if s.proven {
			a.violated(NoLateForward, b.id, "step %s took effect after the proof that it never would", p.step)
		}
	case reversal:
		s.reverse++
		a.inOrder(b, p.step)
		if s.reverse > s.effects || p.amount != -s.amount {
			a.violated(AtMostOneEffect, b.id, "step %s: %d effects of %d, %d reversals, the last of %d", p.step, s.effects, s.amount, s.reverse, p.amount)
		}
	}
	b.net += p.amount
	if !b.state.Terminal() {
		a.inTransit += p.amount
	}
}

// moved judges the orchestrator's commit of one saga.
func (a *audit) moved(in saga.Instance, def *saga.Definition) {
	b := a.book(in.ID)
	b.saga, b.def = in, def
	if b.state == in.State {
		return
	}
	before := b.state
	b.state = in.State
	a.count(before, -1)
	a.count(in.State, 1)
	if before.Terminal() {
		a.violated(TerminalIsFinal, in.ID, "%s became %s", before, in.State)
	}
	if in.State.Terminal() && !before.Terminal() {
		a.inTransit -= b.net
		a.atomic(b)
		a.conserved(in.ID)
	}
}

func (a *audit) count(s saga.State, n int) {
	if s == "" || s.Terminal() {
		return
	}
	a.open += n
	if s != saga.Suspended {
		a.live += n
	}
}

// standing counts the effects of a step that stand, over all its runs.
func (b *book) standing(step string) int {
	n := 0
	for i := range b.steps {
		if id, _, _ := strings.Cut(b.steps[i].step, "~"); id == step {
			n += b.steps[i].effects - b.steps[i].reverse
		}
	}
	return n
}

func (a *audit) conserved(id string) {
	if total := a.balances + a.inTransit; total != a.initial {
		a.violated(MoneyIsConserved, id, "there were %d in the beginning, there are %d in accounts and %d in transit", a.initial, a.balances, a.inTransit)
		a.initial = total // one mistake is told once
	}
}

// kept judges what clients were told.
func (a *audit) kept(s *store) {
	for _, st := range a.accepted {
		if in, ok := s.sagas[st.id]; !ok || string(in.Input) != string(st.input) {
			a.violated(AcceptedIsKept, st.id, "the client was told it is accepted, and it is not there as it was")
		}
	}
}

// ends judges that nothing is left open when the faults are over; a suspended saga may wait for
// its person once.
func (a *audit) ends(s *store, mayWait bool) {
	for _, id := range s.order {
		in := s.sagas[id]
		waits := mayWait && in.State == saga.Suspended && (in.Trouble != nil || in.Resume == saga.Abandoned)
		if !in.State.Terminal() && !waits {
			a.violated(EverySagaEnds, id, "it is %s long after the last fault", in.State)
		}
	}
}

// replayed judges the books once more, after every command has come again.
func (a *audit) replayed(s *store) {
	for _, b := range a.order {
		switch {
		case b.state.Terminal():
			a.atomic(b)
			a.family(b)
		case b.state == "" && b.stands():
			a.violated(OutcomeIsAtomic, b.id, "an effect stands and there is no such saga")
		}
	}
}

func (b *book) stands() bool {
	for i := range b.steps {
		if b.steps[i].effects != b.steps[i].reverse {
			return true
		}
	}
	return false
}
