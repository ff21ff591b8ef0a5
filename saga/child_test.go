package saga

import (
	"encoding/json"
	"testing"
	"time"
)

// TestAChildTellsOnce how it has ended: one that has a pivot when it is completed, one without when all
// its steps are done.
func TestAChildTellsOnce(t *testing.T) {
	for kind, want := range map[string]State{`"kind":"pivot"`: Completed, `"undo":"undo"`: Running} {
		def, err := ParseJSON([]byte(`{"saga":"child","steps":[{"id":"a","participant":"p","action":"do",` + kind + `}]}`))
		if err != nil {
			t.Fatal(err)
		}
		at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		in, _ := Transition(def, Instance{}, Started{At: at, ID: "c", Input: json.RawMessage("{}"), Parent: &Parent{ID: "p", Step: "run", Depth: 1}})
		in, effects := Transition(def, in, Replied{At: at, Reply: Reply{
			SagaID: "c", Participant: "p", Step: "a", Direction: Forward, Attempt: 1, Outcome: Succeeded, Body: json.RawMessage("{}")}})
		told := endings(effects)
		in, effects = Transition(def, in, Settled{at})
		if told = append(told, endings(effects)...); len(told) != 1 || told[0].State != want || told[0].Child != "c" || in.State != Completed {
			t.Errorf("%s: %s, and the parent is told %+v", kind, in.State, told)
		}
	}
}

// endings are what a child's parent is told.
func endings(effects []Effect) (told []ChildEnded) {
	for _, e := range effects {
		if tell, ok := e.(Tell); ok {
			told = append(told, tell.Event.(ChildEnded))
		}
	}
	return told
}
