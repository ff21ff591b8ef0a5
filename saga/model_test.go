package saga

import (
	"encoding/json"
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"time"
)

// The model checker explores every state that one saga, its participants and the network between
// them can reach, with the real Transition and the real Arrive.
//
// The network is a set that only grows: any message that was ever published may be delivered at
// any time, any number of times, in any order, or never. This covers loss, repetition, delay,
// reordering, the broker's store being wiped and every crash at a commit edge (a publish that
// happens later or not at all). Handlers succeed, refuse or ask for a retry, forwards may be
// late, attempts time out, clients cancel, deadlines pass and operators retry, at any time.
//
// To keep it finite, attempt numbers stop at the policy's bound: later attempts look like the
// last one. That only adds behaviour.
type model struct {
	def       *Definition
	attempts  int
	conflicts bool // a participant may answer conflict at any time
	breach    bool // a participant may refuse a retriable step's first run, against the protocol
	abandons  bool // operators abandon
	wishes    bool // and skip and resolve
	force     bool // and do not wait for a fence
	noFence   bool // the planted bug: an undo that finds nothing does not record it

	instances []Instance
	instance  map[string]int32 // index by content
	banks     []bankState
	bank      map[string]int32
	messages  []wireMessage
	message   map[string]int

	moves   map[modelEvent]modelMove
	answers map[modelDelivery][]modelAnswer
	edges   map[[2]State]bool
}

// wireMessage is a command or a reply in the network.
type wireMessage struct {
	command *Command
	reply   *Reply
}

// network is the set of messages ever published.
type network [3]uint64

func (n network) has(i int) bool { return n[i/64]>>(i%64)&1 == 1 }
func (n network) with(i int) network {
	n[i/64] |= 1 << (i % 64)
	return n
}

// world is one state of everything.
type world struct {
	instance, bank int32
	net            network
}

// modelEvent is an event that meets an instance: the reply that is this message, or, below zero,
// one of the others that can happen to it (see model.others).
type modelEvent struct{ instance, event int32 }

// modelDelivery is a command that meets what the participants have recorded.
type modelDelivery struct{ bank, command int32 }

type modelMove struct {
	instance int32
	sent     []int
}

type modelAnswer struct {
	bank  int32
	reply int
}

func newModel(def *Definition, attempts int) *model {
	return &model{
		def: def, attempts: attempts, instance: map[string]int32{}, bank: map[string]int32{}, message: map[string]int{},
		moves: map[modelEvent]modelMove{}, answers: map[modelDelivery][]modelAnswer{}, edges: map[[2]State]bool{},
	}
}

// maxWorlds is more than any definition of the tests has.
const maxWorlds = 2_000_000

// explore visits every reachable world and returns them in order of discovery. It stops at the
// first one that breaks an invariant.
func (m *model) explore() ([]world, error) {
	start := m.start()
	worlds, seen := []world{start}, map[world]bool{start: true}
	var buffer []world
	for i := 0; i < len(worlds); i++ {
		if err := m.check(worlds[i]); err != nil {
			return worlds[:i+1], err
		}
		if len(worlds) > maxWorlds {
			return worlds, fmt.Errorf("more than %d worlds: something is not bounded", maxWorlds)
		}
		buffer = m.successors(buffer[:0], worlds[i])
		for _, next := range buffer {
			if !seen[next] {
				seen[next] = true
				worlds = append(worlds, next)
			}
		}
	}
	return worlds, nil
}

// dead returns a world from which no end can be reached any more.
func (m *model) dead(worlds []world) (world, bool) {
	ends := make(map[world]bool, len(worlds))
	var buffer []world
	for changed := true; changed; {
		changed = false
		for i := len(worlds) - 1; i >= 0; i-- {
			w := worlds[i]
			if ends[w] {
				continue
			}
			buffer = m.successors(buffer[:0], w)
			if m.instances[w.instance].State.Terminal() || slices.ContainsFunc(buffer, func(next world) bool { return ends[next] }) {
				ends[w] = true
				changed = true
			}
		}
	}
	for _, w := range worlds {
		if !ends[w] {
			return w, true
		}
	}
	return world{}, false
}

func (m *model) start() world {
	in, effects := Transition(m.def, Instance{}, Started{At: testStart, ID: "s", Input: json.RawMessage(`{}`), Deadline: testStart.Add(time.Hour)})
	w := world{instance: m.internInstance(in), bank: m.internBank(nil)}
	for _, i := range m.sends(effects) {
		w.net = w.net.with(i)
	}
	return w
}

// successors appends every world that is one step away, and w itself now and then.
func (m *model) successors(next []world, w world) []world {
	for word := range w.net {
		for rest := w.net[word]; rest != 0; rest &= rest - 1 {
			i := word*64 + bits.TrailingZeros64(rest)
			if m.messages[i].reply != nil {
				next = append(next, m.moved(w, int32(i)))
				continue
			}
			for _, a := range m.deliver(w.bank, i) {
				next = append(next, world{w.instance, a.bank, w.net.with(a.reply)})
			}
		}
	}
	for i := range m.others(m.instances[w.instance]) {
		next = append(next, m.moved(w, -1-int32(i)))
	}
	return next
}

func (m *model) moved(w world, event int32) world {
	e := modelEvent{w.instance, event}
	move, known := m.moves[e]
	if !known {
		move = m.move(e)
		m.moves[e] = move
	}
	w.instance = move.instance
	for _, i := range move.sent {
		w.net = w.net.with(i)
	}
	return w
}

// move asks Transition.
func (m *model) move(e modelEvent) modelMove {
	before := m.instances[e.instance]
	after, effects := Transition(m.def, before, m.event(before, e))
	if before.State != after.State {
		m.edges[[2]State{before.State, after.State}] = true
	}
	return modelMove{m.internInstance(after), m.sends(effects)}
}

func (m *model) event(in Instance, e modelEvent) Event {
	if e.event < 0 {
		return m.others(in)[-1-e.event]
	}
	return Replied{At: testStart, Reply: *m.messages[e.event].reply}
}

// others are the events that are no replies.
func (m *model) others(in Instance) []Event {
	events := []Event{
		Cancelled{At: testStart, Reason: "cancel"}, Woke{At: testStart.Add(time.Hour)}, Resumed{At: testStart, Reason: "retry"},
	}
	for _, out := range timeoutsOf(m.def, in) {
		events = append(events, out)
	}
	if m.abandons && !m.wishes {
		events = append(events, GivenUp{At: testStart, Reason: "abandon"})
	}
	if !m.wishes {
		return events
	}
	for _, force := range []bool{false, true} {
		if force && !m.force {
			break
		}
		events = append(events, GivenUp{At: testStart, Reason: "abandon", Force: force})
		for i := range in.Steps {
			run := in.Steps[i].RunID()
			events = append(events, Resumed{At: testStart, Reason: "retry", Step: run},
				Skipped{At: testStart, Reason: "skip", Step: run, Force: force}, ResolvedByHand{At: testStart, Reason: "resolve " + string(in.State), Step: run, Force: force})
		}
	}
	return events
}

// timeoutsOf are the timeouts of the attempts that are out.
func timeoutsOf(def *Definition, in Instance) []TimedOut {
	m := move{def: def, Instance: in}
	var out []TimedOut
	for i := range m.Steps {
		if d := m.direction(&m.Steps[i]); d != "" {
			out = append(out, TimedOut{At: testStart, Step: m.Steps[i].RunID(), Direction: d, Attempt: m.Steps[i].attempt(d)})
		}
	}
	return out
}

// timeoutOf is the first of them, or one of nothing.
func timeoutOf(def *Definition, in Instance) TimedOut {
	for _, out := range timeoutsOf(def, in) {
		return out
	}
	return TimedOut{At: testStart}
}

// sends puts the commands among the effects into the network.
func (m *model) sends(effects []Effect) []int {
	var sent []int
	for _, e := range effects {
		if s, ok := e.(Send); ok {
			c := s.Command
			c.Attempt, c.Revision = min(c.Attempt, m.attempts), 0
			key := fmt.Sprintf("%s#%d%s", c.Op(), c.Attempt, c.Known)
			sent = append(sent, m.internMessage(key, wireMessage{command: &c}))
		}
	}
	return sent
}

// deliver asks Arrive: every way in which the participant can answer the command.
func (m *model) deliver(bank int32, message int) []modelAnswer {
	key := modelDelivery{bank, int32(message)}
	if known, ok := m.answers[key]; ok {
		return known
	}
	c := m.messages[message].command
	answers := m.arrive(bank, c, false)
	if !c.Deadline.IsZero() {
		answers = append(answers, m.arrive(bank, c, true)...)
	}
	if m.conflicts {
		answers = append(answers, modelAnswer{bank, m.reply(c, Conflict)})
	}
	m.answers[key] = answers
	return answers
}

func (m *model) arrive(bank int32, c *Command, late bool) []modelAnswer {
	before := m.banks[bank].run(c.Step)
	row, verdict, rec := Arrive(before.row, Arrival{Direction: c.Direction, Known: c.Known, Origin: "o", Hash: c.Action, Late: late})
	if m.noFence && c.Direction == Backward && before.row.State == RowNone {
		row = before.row
	}
	var answers []modelAnswer
	record := func(outcome Outcome, row Row, effects, undos int) {
		if outcome == Retried {
			row = before.row
		}
		after := runState{c.Step, row, before.effects + effects, before.undos + undos}
		answers = append(answers, modelAnswer{m.internBank(m.banks[bank].with(after)), m.reply(c, outcome)})
	}
	switch verdict {
	case Answer:
		record(rec.Outcome, row, 0, 0)
	case Run:
		record(Succeeded, row.Ran(Record{Outcome: Succeeded}), 1, 0)
		record(Retried, row, 0, 0)
		if m.mayRefuse(c) {
			record(Rejected, row.Ran(Record{Outcome: Rejected}), 0, 0)
		}
	case RunUndo:
		record(Succeeded, row.RanUndo(Record{Outcome: Succeeded}), 0, 1)
		record(Retried, row, 0, 0)
	}
	return answers
}

// mayRefuse says whether the protocol lets a participant refuse. A step behind the pivot may not
// be, a read there neither: but a participant in breach does it once.
func (m *model) mayRefuse(c *Command) bool {
	id, _, fresh := strings.Cut(c.Step, "~")
	for i := range m.def.Steps {
		switch sd := &m.def.Steps[i]; {
		case sd.ID == id:
			return true
		case sd.Kind == Pivot:
			return m.breach && !fresh
		}
	}
	return true
}

func (m *model) reply(c *Command, o Outcome) int {
	r := &Reply{SagaID: c.SagaID, Step: c.Step, Direction: c.Direction, Attempt: c.Attempt, Participant: c.Participant, Outcome: o}
	return m.internMessage(fmt.Sprintf("%s#%d=%s", r.Op(), r.Attempt, o), wireMessage{reply: r})
}

// check holds a world against the promise.
func (m *model) check(w world) error {
	in, bank := m.instances[w.instance], m.banks[w.bank]
	for _, r := range bank {
		if r.effects > 1 || r.undos > r.effects {
			return fmt.Errorf("%s: %d effects, %d undos", r.run, r.effects, r.undos)
		}
	}
	for i := range in.Steps {
		s := &in.Steps[i]
		sd, _ := m.def.Step(s.ID)
		if net := bank.net(s.ID); net < 0 || net > 1 || sd.Kind != Read && !s.Open && s.ByHand == "" && m.wrong(&in, s, net) {
			return fmt.Errorf("the saga is %s, and step %s, which is %s, stands %d times", in.State, s.ID, s.State, net)
		}
	}
	if in.State == Suspended && in.Resume != Abandoned && in.Trouble == nil {
		return fmt.Errorf("suspended without a cause")
	}
	if live := in.State == Running || in.State == Compensating; live && timeoutOf(m.def, in).Step == "" {
		return fmt.Errorf("the saga is %s, and nothing is out", in.State)
	}
	if !m.conflicts && !m.breach && in.Trouble != nil && in.Trouble.Kind == CauseConflict && !byHand(&in) {
		return fmt.Errorf("a conflict, and everybody keeps to the protocol: %+v", in.Trouble)
	}
	return nil
}

// wrong says whether a step may not stand so often. What has been left out, or fenced by an operator,
// stands for nothing from then on.
func (m *model) wrong(in *Instance, s *Step, net int) bool {
	switch {
	case s.State == StepSkipped, s.State == StepRejected, s.State == StepFenced, s.State == StepPending && s.Run == 0:
		return net != 0
	case in.State == Completed:
		return net != 1
	case in.State == Compensated:
		return net != 0
	case in.State == Abandoned:
		return s.State == StepSucceeded && net != 1 || s.State == StepCompensated && net != 0
	}
	return false
}

// byHand says whether an operator has settled a step: its participant does not know of it.
func byHand(in *Instance) bool {
	return slices.ContainsFunc(in.Steps, func(s Step) bool { return s.ByHand != "" || s.Open })
}

func (m *model) tell(w world) string {
	var b strings.Builder
	in, _ := json.Marshal(m.instances[w.instance])
	fmt.Fprintf(&b, "saga %s %s\n", m.instances[w.instance].State, in)
	for _, r := range m.banks[w.bank] {
		fmt.Fprintf(&b, "row %s %q: %d effects, %d undos\n", r.run, r.row.State, r.effects, r.undos)
	}
	for key, i := range m.message {
		if w.net.has(i) {
			fmt.Fprintf(&b, "in the network: %s\n", key)
		}
	}
	return b.String()
}
