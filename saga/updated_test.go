package saga

import (
	"encoding/json"
	"testing"
	"time"
)

// TestUpdatedNeverGoesBack though the clock does: clients tell newer from older by it.
func TestUpdatedNeverGoesBack(t *testing.T) {
	def, err := ParseJSON([]byte(`{"saga":"one","steps":[{"id":"a","participant":"p","action":"do","kind":"pivot"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	before, _ := Transition(def, Instance{}, Started{At: at, ID: "s", Input: json.RawMessage("{}")})
	after, _ := Transition(def, before, Replied{At: at.Add(-time.Hour), Reply: Reply{
		SagaID: "s", Participant: "p", Step: "a", Direction: Forward, Attempt: 1, Outcome: Succeeded, Body: json.RawMessage("{}")}})
	if after.State != Completed || after.Revision <= before.Revision || after.Updated.Before(before.Updated) {
		t.Errorf("%s in revision %d at %s, after %d at %s", after.State, after.Revision, after.Updated, before.Revision, before.Updated)
	}
}
