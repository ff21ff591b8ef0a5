package sagatest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/girohq/giro/saga"
)

// stage plays a scenario: one saga, with a hand that delivers, loses and repeats each message.
// Messages stay in the network until they are dropped, so that they can come again.
type stage struct {
	*simulation
	t        *testing.T
	commands map[string]*message // by op and attempt
	answers  map[string]*message
	out      strings.Builder
}

const sagaID = "T-1"

func newStage(t *testing.T) *stage {
	s := &stage{t: t, commands: map[string]*message{}, answers: map[string]*message{}}
	s.simulation = newSimulation(Config{Accounts: 3, Balance: 1000, Faults: Faults{}, Window: time.Hour}.withDefaults())
	return s
}

// play does one command and returns what came of it. The commands:
//
//	start transfer A/1 B/2 100 [deadline]    start a saga (or: start order)
//	deliver debit/forward#1 [how ...]        a participant takes a command; how: refuse, retry, late,
//	                                         crash (the process dies before its commit)
//	reply debit/forward#1 [crash]            the orchestrator takes the answer to it
//	drop debit/forward#1                     the network loses command and answer
//	timeout                                  the attempt that is out meets silence
//	cancel | deadline | retry                a client, the clock, a person
//	restart                                  the orchestrator was killed and sends its outbox again
//	wipe                                     the broker's whole store is lost
//	balances                                 what the accounts hold
func (s *stage) play(line string) string {
	s.out.Reset()
	words := strings.Fields(line)
	args := words[1:]
	switch words[0] {
	case "start":
		s.start(args)
	case "deliver":
		s.deliver(args[0], args[1:])
	case "reply":
		s.reply(args[0], slices.Contains(args, "crash"))
	case "drop":
		delete(s.commands, args[0])
		delete(s.answers, args[0])
	case "timeout":
		s.timeout()
	case "cancel":
		s.happen(saga.Cancelled{At: s.clock.time(), Reason: "the client wants it back"}, false)
	case "deadline":
		s.happen(saga.Woke{At: s.clock.time()}, false)
	case "retry":
		s.happen(saga.Resumed{At: s.clock.time(), Reason: "look again"}, false)
	case "restart":
		s.resend()
	case "wipe":
		clear(s.commands)
		clear(s.answers)
	case "balances":
		s.balances()
	default:
		s.t.Fatalf("no such command: %s", line)
	}
	return s.out.String()
}

func (s *stage) say(format string, args ...any) { fmt.Fprintf(&s.out, "    "+format+"\n", args...) }

func (s *stage) start(args []string) {
	w, input := Orders(3), `{"buyer":"1","seller":"2","price":100,"fee":5}`
	if args[0] == "transfer" {
		from, to := strings.Split(args[1], "/"), strings.Split(args[2], "/")
		w = Transfers(3)
		input = fmt.Sprintf(`{"from":{"bank":%q,"account":%q},"to":{"bank":%q,"account":%q},"amount":%s,"currency":"EUR"}`, from[0], from[1], to[0], to[1], args[3])
	}
	event := saga.Started{At: s.clock.time(), ID: sagaID, Input: []byte(input)}
	if slices.Contains(args, "deadline") {
		event.Deadline = event.At.Add(time.Minute)
	}
	s.orchestrator.store.definitions[sagaID] = w.Definition
	s.happen(event, false)
}

// happen moves the saga in a transaction of its own, which a crash rolls back.
func (s *stage) happen(event saga.Event, crash bool) {
	o := s.orchestrator
	tx := o.store.begin()
	before, def := tx.saga(sagaID)
	_, effects := saga.Transition(def, before, event)
	changed := tx.apply(def, sagaID, event, s.clock.now)
	after, _ := tx.saga(sagaID)
	if crash {
		s.say("the orchestrator dies before its commit")
		return
	}
	tx.commit()
	o.committed(tx)
	if changed {
		s.say("%s", describe(after))
	}
	for _, e := range effects {
		s.effect(e)
	}
}

// describe tells a saga in one line; pending steps are left out.
func describe(in saga.Instance) string {
	var steps []string
	for _, st := range in.Steps {
		if st.State != saga.StepPending {
			steps = append(steps, st.RunID()+" "+string(st.State))
		}
	}
	return string(in.State) + ": " + strings.Join(steps, ", ") +
		because("cause", in.Cause) + because("trouble", in.Trouble) + because("remembered", in.Remembered)
}

func because(what string, c *saga.Cause) string {
	if c == nil {
		return ""
	}
	return "; " + strings.Join(strings.Fields(fmt.Sprint(what, " ", c.Step, " ", c.Kind, " ", c.Code)), " ")
}

func (s *stage) effect(e saga.Effect) {
	switch e := e.(type) {
	case saga.Send:
		name := s.publish(e.Command)
		s.say("send %s to %s%s", name, e.Command.Participant, after(e.After))
	case saga.Release:
		s.say("release %s", strings.TrimPrefix(e.Op, sagaID+"/"))
	case saga.Emit:
		s.say("event %s", e.Event)
	case saga.Noted:
		s.say("note %s", e.Note)
	case saga.Unchanged:
		s.say("unchanged: %s", e.Reason)
	case saga.Refused:
		s.say("refused: %s", e.Reason)
	}
}

func after(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return " after " + d.Round(time.Millisecond).String()
}

// publish puts a command into the network and returns its name there.
func (s *stage) publish(c saga.Command) string {
	name := fmt.Sprintf("%s/%s#%d", c.Step, c.Direction, c.Attempt)
	s.commands[name] = &message{command: c, origin: "store-1"}
	return name
}

func (s *stage) resend() {
	o := s.orchestrator
	rows := slices.SortedFunc(maps.Values(o.store.outbox), func(a, b row) int { return cmp.Compare(a.seq, b.seq) })
	for _, r := range rows {
		c := r.command
		c.Attempt = r.attempt
		s.say("send %s to %s again", s.publish(c), c.Participant)
	}
	if len(rows) == 0 {
		s.say("nothing is out")
	}
}

func (s *stage) deliver(name string, how []string) {
	m, ok := s.commands[name]
	if !ok {
		s.t.Fatalf("no command %s in the network: %v", name, slices.Sorted(maps.Keys(s.commands)))
	}
	i := slices.IndexFunc(s.participants, func(p *participant) bool { return p.name == m.command.Participant })
	p := s.participants[i]
	s.dice.rate[Refusal], s.dice.rate[Transient], p.skew = 0, 0, 0
	for _, h := range how {
		switch h {
		case "refuse":
			s.dice.rate[Refusal] = 1
		case "retry":
			s.dice.rate[Transient] = 1
		case "late":
			p.skew = time.Hour
		}
	}
	tx := p.bank.begin()
	reply := p.answer(tx, &m.command, m.origin)
	s.told(tx, p.key(&m.command), reply)
	if slices.Contains(how, "crash") {
		s.say("%s dies before its commit", p.name)
		return
	}
	p.audit.posted(tx, tx.journal)
	tx.commit()
	s.answers[name] = &message{reply: reply}
}

// told says what a command does at a participant.
func (s *stage) told(tx *bankTx, key string, r saga.Reply) {
	before, after := tx.base.rows[key].State, tx.row(key).State
	s.say("row %s: %s -> %s", key, cmp.Or(before, "none"), cmp.Or(after, "none"))
	for _, account := range slices.Sorted(maps.Keys(tx.accounts)) {
		s.say("account %s/%s: %d -> %d", tx.base.name, account, tx.base.accounts[account], tx.accounts[account])
	}
	s.say("answer %s", strings.TrimSpace(string(r.Outcome)+" "+r.Code))
}

func (s *stage) reply(name string, crash bool) {
	m, ok := s.answers[name]
	if !ok {
		s.t.Fatalf("no answer to %s in the network: %v", name, slices.Sorted(maps.Keys(s.answers)))
	}
	s.happen(saga.Replied{At: s.clock.time(), Reply: m.reply}, crash)
}

// timeout lets the attempt that is out expire.
func (s *stage) timeout() {
	for _, r := range s.orchestrator.store.outbox {
		s.clock.now += r.timeout
		c := r.command
		s.happen(saga.TimedOut{At: s.clock.time(), Step: c.Step, Direction: c.Direction, Attempt: r.attempt}, false)
		return
	}
	s.say("nothing is out")
}

func (s *stage) balances() {
	for _, p := range s.participants {
		line := p.name + ":"
		for _, account := range slices.Sorted(maps.Keys(p.bank.accounts)) {
			line += fmt.Sprintf(" %s=%d", account, p.bank.accounts[account])
		}
		s.say("%s", line)
	}
}
