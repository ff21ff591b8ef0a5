package histories

import (
	"fmt"
	"slices"
	"strings"

	"github.com/anishathalye/porcupine"
	"github.com/girohq/giro/saga"
)

// What is asked of a saga.
const (
	start  = "start"
	get    = "get"
	cancel = "cancel"
)

// What is answered.
const (
	shown    = "shown"    // the saga, in a state
	accepted = "accepted" // a start that waits, and is shown the saga later
	notFound = "not found"
	conflict = "conflict"
	unknown  = "unknown"
)

type sagaIn struct {
	op    string
	id    string
	input int // of a start
}

type sagaOut struct {
	answer string
	state  saga.State
}

// sagaState is a saga as the last answer leaves it. It moves on by itself.
type sagaState struct {
	exists bool
	input  int
	state  saga.State
}

// sagaModel is one id.
func sagaModel() porcupine.Model {
	m := porcupine.NondeterministicModel{
		Init: func() []any { return []any{sagaState{}} },
		Step: func(state, input, output any) []any {
			return stepSaga(state.(sagaState), input.(sagaIn), output.(sagaOut))
		},
		Equal: func(a, b any) bool { return a == b },
		DescribeOperation: func(input, output any) string {
			in, out := input.(sagaIn), output.(sagaOut)
			return strings.TrimSpace(fmt.Sprintf("%s %s %d: %s %s", in.op, in.id, in.input, out.answer, out.state))
		},
		DescribeState: func(state any) string { return fmt.Sprintf("%+v", state) },
	}
	return m.ToModel()
}

func stepSaga(s sagaState, in sagaIn, out sagaOut) []any {
	begun := sagaState{exists: true, input: in.input, state: saga.Running}
	switch {
	case out.answer == unknown && in.op == start && !s.exists:
		return []any{s, begun}
	case out.answer == unknown:
		return []any{s}
	case out.answer == notFound:
		return only(s, !s.exists && in.op != start)
	case out.answer == conflict && in.op == start:
		return only(s, s.exists && s.input != in.input)
	case out.answer == conflict:
		return only(s, s.exists && in.op == cancel)
	case in.op == start && !s.exists:
		s = begun
	case in.op == start && s.input != in.input:
		return nil
	}
	if out.answer == accepted {
		return []any{s}
	}
	if !s.exists || !reaches(s.state, out.state) {
		return nil
	}
	s.state = out.state
	return []any{s}
}

func only(s sagaState, legal bool) []any {
	if !legal {
		return nil
	}
	return []any{s}
}

// reaches says whether a saga that was in one state may be in the other later.
func reaches(from, to saga.State) bool {
	switch {
	case from.Terminal():
		return to == from
	case from == saga.Compensating:
		return to != saga.Running && to != saga.Completed
	}
	return true
}

// move is what a transfer does to an account, or a client reads of it.
type move struct {
	account string
	id      string // of the transfer; "" for a read
	change  int64
	maybe   bool // it may have happened, and its opposite then happens too
}

// accountState is a balance, and which of the transfers that are undone have taken, or take no more.
type accountState struct {
	balance int64
	marks   string // ids, each followed by a space
}

// accountModel is one account, which begins with a balance. What is read is the output.
func accountModel(balance int64) porcupine.Model {
	m := porcupine.NondeterministicModel{
		Init: func() []any { return []any{accountState{balance: balance}} },
		Step: func(state, input, output any) []any {
			return stepAccount(state.(accountState), input.(move), output)
		},
		Equal: func(a, b any) bool { return a == b },
		DescribeOperation: func(input, output any) string {
			if m := input.(move); m.id != "" {
				return fmt.Sprintf("%s: %+d", m.id, m.change)
			}
			return fmt.Sprintf("reads %v", output)
		},
		DescribeState: func(state any) string { return fmt.Sprintf("%+v", state) },
	}
	return m.ToModel()
}

func stepAccount(s accountState, m move, output any) []any {
	moved := s
	moved.balance += m.change
	switch {
	case m.id == "":
		return when(output.(int64) == s.balance, s)
	case !m.maybe:
		return when(moved.balance >= 0, moved)
	case m.change < 0 && s.has(closed+m.id): // its end has come already: it was refused
		return []any{s}
	case m.change < 0 && moved.balance < 0:
		return []any{s}
	case m.change < 0:
		moved.marks = s.with(m.id)
		return []any{s, moved}
	case s.has(m.id): // given back what was taken
		moved.marks = s.with(closed + m.id)
		return []any{moved}
	}
	s.marks = s.with(closed + m.id)
	return []any{s}
}

func when(legal bool, s accountState) []any {
	if !legal {
		return nil
	}
	return []any{s}
}

// closed is before the id of a transfer that takes no more.
const closed = "-"

func (s accountState) has(mark string) bool { return strings.Contains(" "+s.marks, " "+mark+" ") }

// with makes equal sets equal texts; of an open and a closed mark the closed one stays.
func (s accountState) with(mark string) string {
	list := append(strings.Fields(s.marks), mark)
	if id, end := strings.CutPrefix(mark, closed); end {
		list = slices.DeleteFunc(list, func(m string) bool { return m == id })
	}
	slices.Sort(list)
	return strings.Join(list, " ") + " "
}
