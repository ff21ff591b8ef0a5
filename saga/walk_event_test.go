package saga

import (
	"encoding/json"
	"fmt"
	"time"

	"pgregory.net/rapid"
)

// event draws what happens next: mostly what is waited for, sometimes anything.
func (j *journey) event() Event {
	at := testStart.Add(time.Duration(rapid.IntRange(0, 1e6).Draw(j.t, "at")) * time.Millisecond)
	if rapid.IntRange(0, 9).Draw(j.t, "nonsense") < 2 {
		return j.anything(at)
	}
	if expected := j.expected(at); len(expected) > 0 {
		return expected[rapid.IntRange(0, len(expected)-1).Draw(j.t, "event")]
	}
	return j.anything(at)
}

// expected are the events that a saga waits for.
func (j *journey) expected(at time.Time) []Event {
	m := move{def: j.def, Instance: j.in}
	m.locate()
	var list []Event
	for i := range m.Steps {
		s := &m.Steps[i]
		switch d := m.direction(s); {
		case d != "":
			r := Replied{At: at, Reply: j.reply(s.RunID(), d, s.attempt(d), s.Participant)}
			list = append(list, r, r, TimedOut{At: at, Step: s.RunID(), Direction: d, Attempt: s.attempt(d)})
		case s.childLives():
			list = append(list, j.ended(at, s))
		case s.State == StepRunning && m.def.Steps[m.at[i]].Await != nil:
			list = append(list, j.signalled(at))
		case s.State == StepFailed:
			list = append(list, Resumed{At: at, Reason: "go on", Step: s.RunID()}, j.wish(at))
		}
	}
	if !j.timer.IsZero() {
		list = append(list, Woke{At: j.timer})
	}
	if m.stands() {
		list = append(list, Settled{At: at}, Cancelled{At: at, From: "p"})
	}
	return list
}

// anything is an event that may be nonsense.
func (j *journey) anything(at time.Time) Event {
	switch rapid.IntRange(0, 13).Draw(j.t, "anything") {
	case 0:
		return Cancelled{At: at, Reason: "no", From: rapid.SampledFrom([]string{"", "", "p"}).Draw(j.t, "from")}
	case 1:
		return Woke{At: at.Add(time.Hour)}
	case 2:
		return Resumed{At: at, Reason: "go on", Step: rapid.SampledFrom([]string{"", "", j.step()}).Draw(j.t, "retry")}
	case 3:
		return Started{At: at, ID: "s", Input: json.RawMessage(`{}`)}
	case 4:
		return TimedOut{At: at, Step: j.step(), Direction: j.direction(), Attempt: rapid.IntRange(0, 5).Draw(j.t, "attempt")}
	case 5, 6:
		return j.signalled(at)
	case 7:
		return Settled{At: at}
	case 8:
		return Postponed{At: at, By: time.Minute}
	case 9, 10:
		return j.wish(at)
	case 11:
		return Woke{At: at}
	case 12:
		if s, ok := j.in.stepByRun(j.step()); ok {
			return j.ended(at, s)
		}
	}
	return Replied{At: at, Reply: j.reply(j.step(), j.direction(), rapid.IntRange(0, 5).Draw(j.t, "attempt"), rapid.SampledFrom([]string{"A", "B", "C", "C1"}).Draw(j.t, "participant"))}
}

func (j *journey) wish(at time.Time) Event {
	force := rapid.Bool().Draw(j.t, "force")
	switch rapid.IntRange(0, 6).Draw(j.t, "wish") {
	case 0, 1, 2:
		return Skipped{At: at, Step: j.step(), Reason: "enough", Force: force}
	case 3:
		return GivenUp{At: at, Reason: "enough", Force: force, From: rapid.SampledFrom([]string{"", "p"}).Draw(j.t, "from")}
	}
	return ResolvedByHand{At: at, Step: j.step(), Reason: "by phone", Result: json.RawMessage(`{"by":"hand"}`), Force: force}
}

func (j *journey) signalled(at time.Time) Event {
	name := rapid.SampledFrom([]string{"go", "go", "no"}).Draw(j.t, "signal") + fmt.Sprint(rapid.IntRange(0, 7).Draw(j.t, "of"))
	return Signalled{At: at, Name: name, Data: json.RawMessage(rapid.SampledFrom([]string{`{}`, `{"by": "me"}`, ``}).Draw(j.t, "data"))}
}

func (j *journey) ended(at time.Time, s *Step) Event {
	e := ChildEnded{At: at, Step: s.RunID(), Child: s.Child, Output: json.RawMessage(`{"a":1}`)}
	sd, _ := j.def.Step(s.ID)
	states := []State{Running, Running, Completed, Compensated, Abandoned}
	if sd.Kind == Compensatable {
		states = []State{Running, Running, Running, Compensated, Abandoned}
	}
	if e.State = rapid.SampledFrom(states).Draw(j.t, "ended"); e.State == Compensated {
		e.Cause = &Cause{Kind: CauseRejected, Code: "full"}
	}
	return e
}

func (j *journey) step() string {
	runs := []string{"", "nobody"}
	for i := range j.in.Steps {
		runs = append(runs, j.in.Steps[i].RunID(), j.in.Steps[i].RunID(), StepRun(j.in.Steps[i].ID, 1))
	}
	return rapid.SampledFrom(runs).Draw(j.t, "step")
}

func (j *journey) direction() Direction {
	return rapid.SampledFrom([]Direction{Forward, Backward, Inquire, Close, "", "up"}).Draw(j.t, "direction")
}

func (j *journey) reply(run string, d Direction, attempt int, participant string) Reply {
	return Reply{
		SagaID: "s", Step: run, Direction: d, Attempt: attempt, Participant: participant,
		Outcome:    rapid.SampledFrom([]Outcome{Succeeded, Succeeded, Succeeded, Succeeded, Rejected, Retried, Retried, Fenced, Conflict, ""}).Draw(j.t, "outcome"),
		Code:       rapid.SampledFrom([]string{"", "full", "closed"}).Draw(j.t, "code"),
		Body:       json.RawMessage(`{"a":[1]}`),
		RetryAfter: time.Duration(rapid.IntRange(-1, 1e5).Draw(j.t, "retry after")) * time.Second,
	}
}
