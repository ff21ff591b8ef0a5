package saga

import (
	"encoding/json"
	"testing"
	"time"
)

// A pause is not part of a saga's state: the shell holds back what is sent, wakes the saga only for its
// sleeps, and gives the lost time back at the end.

const paused = `
saga: paused
version: 1
deadline: 10h
steps:
  - {id: hold, participant: P, try: reserve, confirm: capture, cancel: release, expires: 5h}
  - {id: nap, after: [], sleep: 1h}
  - {id: word, after: [], await: {signal: word, timeout: 2h}}
`

func startPaused(t *testing.T) (*Definition, Instance) {
	t.Helper()
	def, err := Parse("paused.yaml", []byte(paused))
	if err != nil {
		t.Fatal(err)
	}
	in, _ := Transition(def, Instance{}, Started{At: testStart, ID: "s", Input: json.RawMessage(`{}`)})
	return def, in
}

func TestOnlySleepsEndDuringAPause(t *testing.T) {
	def, in := startPaused(t)
	if got := in.HeldTimer(def); !got.Equal(testStart.Add(time.Hour)) {
		t.Errorf("the held timer is %v", got)
	}
	in, _ = Transition(def, in, Woke{At: testStart.Add(time.Hour), Held: true})
	if nap, _ := in.Step("nap"); nap.State != StepSucceeded {
		t.Fatalf("%+v", nap)
	}
	if got := in.HeldTimer(def); !got.IsZero() {
		t.Errorf("the held timer is %v, nothing goes on any more", got)
	}
	late, effects := Transition(def, in, Woke{At: testStart.Add(100 * time.Hour), Held: true})
	if late.Revision != in.Revision {
		t.Errorf("the deadline or the await fired: %+v", effects)
	}
	if got := in.Timer(def); !got.Equal(testStart.Add(2 * time.Hour)) {
		t.Errorf("the timer is %v", got)
	}
}

func TestLostTimeIsGivenBack(t *testing.T) {
	def, in := startPaused(t)
	after, effects := Transition(def, in, Postponed{At: testStart.Add(100 * time.Hour), By: 99 * time.Hour})
	word, _ := after.Step("word")
	nap, _ := after.Step("nap")
	if !after.Deadline.Equal(testStart.Add(109*time.Hour)) || !word.Until.Equal(testStart.Add(101*time.Hour)) || !nap.Until.Equal(testStart.Add(time.Hour)) {
		t.Errorf("deadline %v, word %v, nap %v", after.Deadline, word.Until, nap.Until)
	}
	var extended []Extend
	for _, e := range effects {
		if x, ok := e.(Extend); ok {
			extended = append(extended, x)
		}
	}
	if len(extended) != 1 || extended[0] != (Extend{"s/hold.try/forward", 99 * time.Hour, 99 * time.Hour}) {
		t.Errorf("%+v", extended)
	}
}

func TestOutTo(t *testing.T) {
	def, in := startPaused(t)
	if since, ok := in.OutTo("P"); !ok || !since.Equal(testStart) {
		t.Errorf("%v %v", since, ok)
	}
	if _, ok := in.OutTo("Q"); ok {
		t.Error("nothing is out to Q")
	}
	in, _ = Transition(def, in, Replied{At: testStart, Reply: replyNamed(in, "hold.try", Forward, Succeeded, nil)})
	if _, ok := in.OutTo("P"); ok {
		t.Error("P has answered")
	}
}
