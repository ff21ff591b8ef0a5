package sagatest

import (
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/girohq/giro/saga"
)

// Config says what to simulate. The zero value is a good run for seed 0.
type Config struct {
	Seed      uint64
	Sagas     int           // default 40
	Accounts  int           // at each bank; default 8
	Balance   int64         // of each account in the beginning; default 1000
	Workloads []Workload    // default: Bank, and Anything drawn from the seed
	Faults    Faults        // default: drawn from the seed by Swarm
	Window    time.Duration // in which sagas start and faults strike; default 10 minutes
	Bug       Bug           // a mistake to plant
	Trace     io.Writer     // where to tell what happens; nil: nowhere
}

// patience is how long after the last fault everything must have ended.
const patience = 4 * time.Hour

// Run simulates one run, and returns what came of it.
func Run(cfg Config) Report {
	s := newSimulation(cfg.withDefaults())
	s.begin()
	s.until(s.quiet)
	s.audit.kept(s.orchestrator.store)
	s.audit.ends(s.orchestrator.store, true)
	suspended := s.retrySuspended()
	s.until(func() bool { return s.audit.open == 0 })
	s.audit.ends(s.orchestrator.store, false)
	report := s.report(suspended)
	s.replay()
	s.audit.replayed(s.orchestrator.store)
	report.Violations = s.audit.violations
	return report
}

func (c Config) withDefaults() Config {
	if c.Sagas == 0 {
		c.Sagas = 40
	}
	if c.Accounts == 0 {
		c.Accounts = 8
	}
	if c.Balance == 0 {
		c.Balance = 1000
	}
	if c.Workloads == nil {
		c.Workloads = append(Bank(c.Accounts), Anything(c.Seed))
	}
	if c.Window == 0 {
		c.Window = 10 * time.Minute
	}
	if c.Faults == nil {
		c.Faults = Swarm(NewRand(^c.Seed))
	}
	return c
}

// simulation is one run and all its parts.
type simulation struct {
	cfg          Config
	clock        *clock
	dice         *dice
	trace        *trace
	audit        *audit
	paths        *paths
	broker       *broker
	orchestrator *orchestrator
	participants []*participant
	people       *people
	commands     int
}

func newSimulation(cfg Config) *simulation {
	c := &clock{}
	s := &simulation{cfg: cfg, clock: c, paths: &paths{}}
	s.dice = newDice(NewRand(cfg.Seed), c, cfg.Faults, cfg.Window)
	s.trace = newTrace(c, cfg.Trace)
	s.audit = &audit{trace: s.trace, books: map[string]*book{}}
	s.broker = &broker{clock: c, dice: s.dice}
	s.orchestrator = s.newOrchestrator()
	for _, name := range Banks() {
		s.participants = append(s.participants, s.newParticipant(name))
	}
	return s
}

func (s *simulation) process(name string) process {
	return process{clock: s.clock, dice: s.dice, trace: s.trace, name: name, up: true}
}

func (s *simulation) newOrchestrator() *orchestrator {
	o := &orchestrator{process: s.process("orchestrator"), store: newStore(), bug: s.cfg.Bug, audit: s.audit, paths: s.paths}
	o.store.bug, o.store.paths = s.cfg.Bug, s.paths
	for _, w := range s.cfg.Workloads {
		for _, def := range w.Children {
			o.store.known[def.Name] = def
		}
	}
	s.people = &people{orchestrator: o, clock: s.clock, dice: s.dice, asked: map[string]bool{}}
	o.watch = s.people.watch
	o.commit, o.restart = o.batch, o.restarted
	o.starts, o.replies = s.broker.stream(o.deliver), s.broker.stream(o.deliver)
	o.relay = &relay{
		process: &o.process, store: o.store, bug: s.cfg.Bug, streams: map[string]*stream{}, origin: "store-1", boot: 1, out: map[string]*sending{},
		expired: func(c saga.Command) {
			o.happen(c.SagaID, saga.TimedOut{At: s.clock.time(), Step: c.Step, Direction: c.Direction, Attempt: c.Attempt})
		},
	}
	return o
}

func (s *simulation) newParticipant(name string) *participant {
	p := &participant{process: s.process(name), bank: newBank(name), bug: s.cfg.Bug, audit: s.audit, paths: s.paths, replies: s.orchestrator.replies}
	p.commit, p.restart = p.batch, p.restarted
	p.commands = s.broker.stream(func(m *message) { s.commands++; p.deliver(m) })
	s.orchestrator.relay.streams[name] = p.commands
	if s.dice.strikes(Skew) {
		p.skew = s.dice.Between(-time.Minute, time.Minute)
	}
	for n := range s.cfg.Accounts {
		p.bank.accounts[strconv.Itoa(n)] = s.cfg.Balance
		s.audit.balances += s.cfg.Balance
	}
	s.audit.initial = s.audit.balances
	return p
}

// begin plans the clients and the faults that come by the minute.
func (s *simulation) begin() {
	s.dice.schedule(BrokerDown, func() { s.broker.outage(s.dice.Scale(100*time.Millisecond, 3*time.Minute)) })
	s.dice.schedule(BrokerForgets, s.broker.forget)
	s.dice.schedule(TailCut, func() { s.broker.cut(1 + s.dice.Intn(20)) })
	s.dice.schedule(OldCopy, s.broker.restore)
	s.dice.schedule(StoreWiped, s.wipe)
	s.clock.after(s.cfg.Window, s.people.tidy)
	r := NewRand(s.cfg.Seed + 1)
	for n := range s.cfg.Sagas {
		w := &s.cfg.Workloads[r.Intn(len(s.cfg.Workloads))]
		c := &client{clock: s.clock, dice: s.dice, audit: s.audit, starts: s.orchestrator.starts, cancel: s.cancel}
		c.start = start{id: "s" + strconv.Itoa(n), workload: w, input: w.Input(r, n)}
		s.clock.after(r.Between(0, s.cfg.Window*3/4), c.begin)
	}
}

func (s *simulation) cancel(id string) {
	s.orchestrator.happen(id, saga.Cancelled{At: s.clock.time(), Reason: "the client wants it back"})
}

// wipe deletes the broker's store. The orchestrator notices the new incarnation a little later.
func (s *simulation) wipe() {
	s.trace.add("broker", StoreWiped.String(), "")
	s.broker.cut(-1)
	s.orchestrator.later(s.dice.Between(latency, 5*time.Second), s.orchestrator.relay.reset)
}

// until lets things happen until done says so, or patience ends.
func (s *simulation) until(done func() bool) {
	for !done() && s.clock.now < s.cfg.Window+patience && s.clock.next() {
	}
}

// quiet says that the faults are over and no saga moves any more by itself.
func (s *simulation) quiet() bool {
	return s.clock.now >= s.cfg.Window && s.audit.live == 0 && len(s.audit.accepted) == s.cfg.Sagas
}

// retrySuspended is the person that suspended sagas wait for, once a minute until each has ended.
// It returns how many there are.
func (s *simulation) retrySuspended() int {
	n := 0
	for _, id := range s.orchestrator.store.order {
		if in := s.orchestrator.store.sagas[id]; in.State == saga.Suspended && !drawn(&in) { // for those there are people
			n++
			s.orchestrator.retry(id)
		}
	}
	if s.audit.open > 0 { // one that moves now may be suspended once more
		s.clock.after(time.Minute, func() { s.retrySuspended() })
	}
	return n
}

// replay delivers every command that was ever published once more. Nothing may come of it.
func (s *simulation) replay() {
	for _, m := range s.orchestrator.relay.published {
		for _, p := range s.participants {
			if p.name == m.command.Participant {
				p.again(m)
			}
		}
	}
}

func (s *simulation) report(suspended int) Report {
	r := Report{
		Seed: s.cfg.Seed, Sagas: len(s.audit.accepted), Outcomes: map[saga.State]int{}, Suspended: suspended, Commands: s.commands,
		Simulated: s.clock.now, Fired: map[Fault]int{}, Reached: map[Path]int{}, Hash: s.trace.sum,
	}
	for _, in := range s.orchestrator.store.sagas {
		r.Outcomes[in.State]++
	}
	faults := 0
	for f, n := range s.dice.fired {
		r.Fired[Fault(f)] = n
		faults += n
	}
	for p, n := range s.paths {
		r.Reached[Path(p)] = n
	}
	switch {
	case r.Sagas == 0:
		r.Void = "no saga was accepted"
	case faults == 0 && len(s.cfg.Faults) > 0:
		r.Void = fmt.Sprintf("none of %d kinds of faults struck", len(s.cfg.Faults))
	}
	return r
}
