package sagatest

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/girohq/giro/saga"
)

// people are those outside who deal with the sagas of Anything: they say the signals that are waited for,
// and as operators they wish for this and that.
type people struct {
	orchestrator *orchestrator
	clock        *clock
	dice         *dice
	asked        map[string]bool // by saga and signal
}

// watch looks at a saga that has moved.
func (p *people) watch(in saga.Instance) {
	if !drawn(&in) || in.State.Terminal() {
		return
	}
	if p.dice.strikes(EarlySignal) {
		p.signal(in.ID, "go"+strconv.Itoa(p.dice.Intn(8)))
	}
	if p.dice.strikes(OtherSignal) {
		p.orchestrator.happen(in.ID, saga.Signalled{At: p.clock.time(), Name: "no" + strconv.Itoa(p.dice.Intn(8))})
	}
	for i := range in.Steps {
		s := &in.Steps[i]
		if s.State == saga.StepRunning && s.Participant == "" && s.Child == "" && s.Key != "" {
			p.signal(in.ID, s.Key)
		}
	}
	if p.dice.strikes(Wish) {
		s := &in.Steps[p.dice.Intn(len(in.Steps))]
		p.clock.after(p.dice.Scale(time.Millisecond, time.Minute), func() { p.wish(in.ID, s.RunID()) })
	}
	if p.dice.strikes(Postpone) {
		p.orchestrator.happen(in.ID, saga.Postponed{At: p.clock.time(), By: p.dice.Between(time.Second, time.Hour)})
	}
}

// signal says something sooner or later, and again until the saga has heard it.
func (p *people) signal(id, name string) {
	if p.asked[id+"/"+name] {
		return
	}
	p.asked[id+"/"+name] = true
	p.clock.after(p.dice.Scale(time.Millisecond, 10*time.Minute), func() { p.say(id, name, new(bool)) })
}

// say repeats a signal until the orchestrator has confirmed it; sometimes it comes twice at once.
func (p *people) say(id, name string, heard *bool) {
	if *heard || p.orchestrator.store.sagas[id].State.Terminal() {
		return
	}
	for range 1 + p.dice.Intn(2) {
		e := saga.Signalled{At: p.clock.time(), Name: name, Data: json.RawMessage(`{"by":"people"}`)}
		p.orchestrator.take(item{saga: id, event: e, done: func() { *heard = true }})
	}
	p.clock.after(p.dice.Between(5*time.Second, time.Minute), func() { p.say(id, name, heard) })
}

// wish is what an operator has come to think of.
func (p *people) wish(id, run string) {
	at, force := p.clock.time(), p.dice.Chance(0.2)
	var e saga.Event
	switch p.dice.Intn(8) {
	case 0:
		e = saga.GivenUp{At: at, Reason: "enough of it", Force: force}
	case 1, 2:
		e = saga.ResolvedByHand{At: at, Step: run, Reason: "by phone", Result: json.RawMessage(`{}`), Force: force}
	case 3:
		e = saga.Cancelled{At: at, Reason: "no more"}
	default:
		e = saga.Skipped{At: at, Step: run, Reason: "without it", Force: force}
	}
	p.orchestrator.happen(id, e)
}

// tidy is what people do once a minute when the faults are over: nothing stays suspended.
func (p *people) tidy() {
	for _, id := range p.orchestrator.store.order {
		in := p.orchestrator.store.sagas[id]
		if !drawn(&in) || in.State != saga.Suspended {
			continue
		}
		if p.dice.Chance(0.5) {
			p.orchestrator.retry(id)
			continue
		}
		p.settle(&in)
	}
	p.clock.after(time.Minute, p.tidy)
}

// settle does by hand what a retry does not.
func (p *people) settle(in *saga.Instance) {
	at := p.clock.time()
	if in.Resume == saga.Abandoned && in.Trouble != nil {
		p.orchestrator.happen(in.ID, saga.GivenUp{At: at, Reason: "by force", Force: true})
		return
	}
	for i := range in.Steps {
		s := &in.Steps[i]
		switch {
		case s.State != saga.StepFailed && s.State != saga.StepRejected && s.State != saga.StepFenced:
		case in.Resume == saga.Compensating:
			p.orchestrator.happen(in.ID, saga.ResolvedByHand{At: at, Step: s.RunID(), Reason: "undone by hand"})
		default:
			p.orchestrator.happen(in.ID, saga.Skipped{At: at, Step: s.RunID(), Reason: "without it"})
		}
	}
}
