package saga

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// What the model checker keeps of a world is numbered: each different instance, each different
// state of the participants' databases, each different message.

// bankState is what all participants have recorded: a row for each step run, and what its
// handlers have really done.
type bankState []runState

type runState struct {
	run            string
	row            Row
	effects, undos int
}

// internInstance numbers an instance without what grows for ever.
func (m *model) internInstance(in Instance) int32 {
	in = in.clone()
	in.Revision, in.Overdue = 0, time.Time{} // the deadline may pass again and again: that only adds behaviour
	for i := range in.Steps {
		s := &in.Steps[i]
		s.Attempts, s.Inquiries = min(s.Attempts, m.attempts), min(s.Inquiries, m.attempts)
		s.Undos, s.Refusals = min(s.Undos, m.attempts), min(s.Refusals, m.attempts)
		s.Closings = min(s.Closings, m.attempts)
		s.Since = testStart
	}
	content, err := json.Marshal(in)
	if err != nil {
		panic(err)
	}
	key := string(in.State) + string(content)
	if i, known := m.instance[key]; known {
		return i
	}
	m.instances = append(m.instances, in)
	m.instance[key] = int32(len(m.instances) - 1)
	return m.instance[key]
}

func (m *model) internBank(b bankState) int32 {
	var key strings.Builder
	for _, r := range b {
		fmt.Fprintf(&key, "%s %s %q %q %v %v %d %d;", r.run, r.row.State, r.row.ForwardHash, r.row.BackwardHash, r.row.Forward != nil, r.row.Undo != nil, r.effects, r.undos)
	}
	if i, known := m.bank[key.String()]; known {
		return i
	}
	m.banks = append(m.banks, b)
	m.bank[key.String()] = int32(len(m.banks) - 1)
	return m.bank[key.String()]
}

func (m *model) internMessage(key string, w wireMessage) int {
	if i, known := m.message[key]; known {
		return i
	}
	if len(m.messages) == 64*len(network{}) {
		panic("the model's network is too small")
	}
	m.messages = append(m.messages, w)
	m.message[key] = len(m.messages) - 1
	return len(m.messages) - 1
}

func (b bankState) run(run string) runState {
	for _, r := range b {
		if r.run == run {
			return r
		}
	}
	return runState{run: run}
}

// with returns b with one run replaced, in order of their names. A run of which nothing is
// recorded is left out.
func (b bankState) with(r runState) bankState {
	var next bankState
	for _, other := range b {
		if other.run != r.run {
			next = append(next, other)
		}
	}
	if r.row.Origin == "" {
		return next
	}
	i := 0
	for i < len(next) && next[i].run < r.run {
		i++
	}
	return append(next[:i:i], append(bankState{r}, next[i:]...)...)
}

// net counts the effects of a step that stand, over all its runs.
func (b bankState) net(step string) int {
	n := 0
	for _, r := range b {
		if id, _, _ := strings.Cut(r.run, "~"); id == step {
			n += r.effects - r.undos
		}
	}
	return n
}
