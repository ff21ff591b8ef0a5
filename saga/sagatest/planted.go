package sagatest

import (
	"slices"
	"strings"

	"github.com/girohq/giro/saga"
)

// What the planted bugs of the orchestrator's shell do around Transition.

// misheard is the event as a shell with this bug hands it on.
func (b Bug) misheard(in saga.Instance, event saga.Event) saga.Event {
	switch e := event.(type) {
	case saga.Skipped:
		e.Force = e.Force || b == UnfencedWish
		return e
	case saga.GivenUp:
		e.Force = e.Force || b == UnfencedWish
		return e
	case saga.Signalled:
		if b == EarlySignalLost && !slices.ContainsFunc(in.Steps, func(s saga.Step) bool { return s.State == saga.StepRunning && s.Key == e.Name }) {
			return saga.Woke{At: e.At}
		}
	}
	return event
}

// misstored is the instance as a shell with this bug stores it.
func (b Bug) misstored(before, after saga.Instance, event saga.Event) saga.Instance {
	switch {
	case b == UnfencedWish:
		after.Steps = slices.Clone(after.Steps)
		for i := range after.Steps {
			after.Steps[i].Open = false
		}
	case b == ListComputedAgain && len(before.Steps) == len(after.Steps):
		for i, s := range after.Steps {
			if s.State == saga.StepPending && strings.Contains(s.ID, ".") && !strings.HasSuffix(s.ID, ".0") && !isHold(s.ID) {
				after.Steps = slices.Delete(slices.Clone(after.Steps), i, i+1)
				break
			}
		}
	}
	return after
}

// more are the effects that a shell with this bug adds.
func (b Bug) more(def *saga.Definition, before, after saga.Instance, event saga.Event) []saga.Effect {
	var more []saga.Effect
	send := func(run string, d saga.Direction) {
		if e, ok := command(def, after, run, d); ok {
			more = append(more, e)
		}
	}
	_, cancelled := event.(saga.Cancelled)
	for i := range after.Steps {
		s := &after.Steps[i]
		old, _ := before.Step(s.ID)
		hold, try := strings.CutSuffix(s.ID, ".try")
		switch {
		case b == ConfirmedEarly && try && s.State == saga.StepSucceeded && old.State != s.State:
			send(hold+".confirm", saga.Forward)
		case b == ReleasedLate && try && cancelled && after.Remembered != nil:
			send(s.ID, saga.Backward)
		case b == UndoneInWrongOrder && after.State == saga.Compensating && before.State != after.State && s.State == saga.StepSucceeded:
			send(s.ID, saga.Backward)
		}
	}
	return more
}

// command makes the first attempt of an operation out of turn.
func command(def *saga.Definition, in saga.Instance, run string, d saga.Direction) (saga.Send, bool) {
	sd, ok := def.Step(run)
	if !ok || sd.Action == "" || d == saga.Backward && sd.Undo == nil {
		return saga.Send{}, false
	}
	participant, key, err := sd.Address(&in, run)
	args, wrong := sd.Arguments(&in, run)
	if err != nil || wrong != nil {
		return saga.Send{}, false
	}
	c := saga.Command{SagaID: in.ID, SagaType: in.Type, Step: run, Kind: sd.Kind, Direction: d, Attempt: 1, Participant: participant, Action: sd.Action, Key: key, Body: args}
	if d == saga.Backward {
		c.Action, c.Known = sd.Undo.Action, saga.KnownSucceeded
	}
	return saga.Send{Command: c, Timeout: sd.Timeout}, true
}

func isHold(run string) bool {
	return strings.HasSuffix(run, ".try") || strings.HasSuffix(run, ".confirm")
}
