package orchestrator_test

import (
	"testing"

	"github.com/girohq/giro/saga"
)

// TestCancelBeforeThePivot undoes what may have run.
func TestCancelBeforeThePivot(t *testing.T) {
	r := newRig(t).running()
	r.begin("transfer", "T-1", transferInput(1))
	r.hears("T-1/debit/forward", 1)
	if _, problem := r.request("cancel", `{"id":"T-1","reason":"wrong account"}`); problem != nil {
		t.Fatal(problem)
	}
	undo := r.hears("T-1/debit/backward", 1)
	if undo.Header.Get("Saga-Known") != "unknown" {
		t.Errorf("%v", undo.Header)
	}
	r.says(undo, saga.Succeeded)
	if doc := r.reaches("T-1", saga.Compensated); doc.Cause.Kind != saga.CauseCancelled || doc.Cause.Message != "wrong account" {
		t.Errorf("%+v", doc.Cause)
	}
	if _, problem := r.request("cancel", `{"id":"T-1","reason":"again"}`); problem == nil || problem.Code != "conflict" || problem.Status != 409 {
		t.Errorf("%+v", problem)
	}
}

// TestCancelAfterThePivotWasSent is remembered: the pivot's own answer decides.
func TestCancelAfterThePivotWasSent(t *testing.T) {
	r := newRig(t).running()
	for id, tt := range map[string]struct {
		outcome saga.Outcome
		state   saga.State
	}{"done": {saga.Succeeded, saga.Completed}, "refused": {saga.Rejected, saga.Compensated}} {
		r.begin("transfer", id, transferInput(1))
		r.says(r.hears(id+"/debit/forward", 1), saga.Succeeded)
		credit := r.hears(id+"/credit/forward", 1)
		if _, problem := r.request("cancel", `{"id":"`+id+`","reason":"changed my mind"}`); problem != nil {
			t.Fatal(problem)
		}
		r.says(credit, tt.outcome)
		if tt.outcome == saga.Rejected {
			r.says(r.hears(id+"/debit/backward", 1), saga.Succeeded)
		}
		r.reaches(id, tt.state)
	}
}

// TestRetryOfASuspendedSaga continues the same operation with its next attempt.
func TestRetryOfASuspendedSaga(t *testing.T) {
	r := newRig(t).running()
	r.apply(`{"saga":"stubborn","steps":[
		{"id":"book","participant":"P","action":"book","undo":{"action":"cancel","retry":{"attempts":2,"backoff":"1ms"}}},
		{"id":"pay","participant":"P","action":"pay"}]}`)
	r.begin("stubborn", "S-1", `{}`)
	r.says(r.hears("S-1/book/forward", 1), saga.Succeeded)
	r.says(r.hears("S-1/pay/forward", 1), saga.Rejected)
	r.says(r.hears("S-1/book/backward", 1), saga.Retried, "Saga-Error-Code", "locked")
	r.says(r.hears("S-1/book/backward", 2), saga.Retried, "Saga-Error-Code", "locked")
	if doc := r.reaches("S-1", saga.Suspended); doc.Cause.Kind != saga.CauseExhausted || doc.Cause.Code != "locked" || doc.Waiting == "" {
		t.Errorf("%+v", doc)
	}
	if _, problem := r.request("retry", `{"id":"S-1"}`); problem == nil || problem.Code != "invalid" {
		t.Errorf("without a reason: %+v", problem)
	}
	if _, problem := r.request("retry", `{"id":"S-1","reason":"unlocked"}`); problem != nil {
		t.Fatal(problem)
	}
	r.says(r.hears("S-1/book/backward", 3), saga.Succeeded)
	if doc := r.reaches("S-1", saga.Compensated); doc.Cause.Kind != saga.CauseRejected {
		t.Errorf("%+v", doc.Cause)
	}
}

// TestLateReplyWakesASuspendedSaga: nobody has to step in when the answer comes after all.
func TestLateReplyWakesASuspendedSaga(t *testing.T) {
	r := newRig(t).running()
	r.apply(`{"saga":"late","steps":[
		{"id":"pay","participant":"P","action":"pay"},
		{"id":"ship","kind":"retriable","participant":"P","action":"ship","retry":{"attempts":1}}]}`)
	r.begin("late", "L-1", `{}`)
	r.says(r.hears("L-1/pay/forward", 1), saga.Succeeded)
	ship := r.hears("L-1/ship/forward", 1)
	r.says(ship, saga.Retried)
	r.reaches("L-1", saga.Suspended)
	r.says(ship, saga.Succeeded)
	r.reaches("L-1", saga.Completed)
}

func TestOperationsOnNothing(t *testing.T) {
	r := newRig(t).running()
	for _, verb := range []string{"cancel", "retry"} {
		if _, problem := r.request(verb, `{"id":"nobody","reason":"x"}`); problem == nil || problem.Status != 404 {
			t.Errorf("%s: %+v", verb, problem)
		}
		if _, problem := r.request(verb, `{"id":"a.b","reason":"x"}`); problem == nil || problem.Code != "invalid" {
			t.Errorf("%s: %+v", verb, problem)
		}
		if _, problem := r.request(verb, `{"id":"x","raeson":"x"}`); problem == nil || problem.Status != 400 {
			t.Errorf("%s: %+v", verb, problem)
		}
	}
}
