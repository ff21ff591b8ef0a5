package orchestrator_test

import (
	"testing"
	"time"

	"github.com/girohq/giro/saga"
)

// TestSilenceSpendsAttempts: a compensatable step that never answers is unknown and undone; the
// undo itself goes on until it is answered.
func TestSilenceSpendsAttempts(t *testing.T) {
	r := newRig(t).running()
	r.apply(`{"saga":"silent","steps":[
		{"id":"book","participant":"P","action":"book","undo":"cancel","timeout":"50ms","retry":{"attempts":2,"backoff":"1ms"}},
		{"id":"pay","participant":"Q","action":"pay"}]}`)
	r.begin("silent", "S-1", `{}`)
	r.hears("S-1/book/forward", 1)
	r.hears("S-1/book/forward", 2)
	for attempt := 1; attempt <= 3; attempt++ {
		r.hears("S-1/book/backward", attempt)
	}
	r.says(r.hears("S-1/book/backward", 4), saga.Succeeded)
	if doc := r.reaches("S-1", saga.Compensated); doc.Cause.Kind != saga.CauseTimeout {
		t.Errorf("%+v", doc.Cause)
	}
}

// TestSilentPivotIsInquired: nothing is undone until it is known that the pivot did not happen.
func TestSilentPivotIsInquired(t *testing.T) {
	r := newRig(t).running()
	r.apply(`{"saga":"quiet","steps":[
		{"id":"book","participant":"P","action":"book","undo":"cancel"},
		{"id":"pay","participant":"Q","action":"pay","timeout":"50ms","retry":{"attempts":1}}]}`)
	for id, outcome := range map[string]saga.Outcome{"fenced": saga.Fenced, "done": saga.Succeeded} {
		r.begin("quiet", id, `{}`)
		r.says(r.hears(id+"/book/forward", 1), saga.Succeeded)
		pay := r.hears(id+"/pay/forward", 1)
		inquiry := r.hears(id+"/pay/inquire", 1)
		if inquiry.Subject != pay.Subject || string(inquiry.Data) != string(pay.Data) {
			t.Errorf("%s %s", inquiry.Subject, inquiry.Data)
		}
		r.says(inquiry, outcome)
		if outcome == saga.Fenced {
			r.says(r.hears(id+"/book/backward", 1), saga.Succeeded)
			r.reaches(id, saga.Compensated)
			continue
		}
		r.reaches(id, saga.Completed)
	}
}

// TestDeadline turns a saga back before its pivot, over a restart too: the timer is in the database.
func TestDeadline(t *testing.T) {
	r := newRig(t).running()
	r.apply(`{"saga":"dated","deadline":"1s","steps":[
		{"id":"book","participant":"P","action":"book","undo":"cancel"},
		{"id":"pay","participant":"Q","action":"pay"}]}`)
	doc := r.begin("dated", "D-1", `{}`)
	book := r.hears("D-1/book/forward", 1)
	deadline, err := time.Parse(time.RFC3339Nano, book.Header.Get("Saga-Deadline"))
	r.must(err)
	if doc.Deadline == nil || !deadline.Equal(doc.Deadline.Time) {
		t.Errorf("%v %v", doc.Deadline, deadline)
	}
	r.halt()
	r.running()
	r.eventually("undo sent", func() bool {
		m := <-r.commands
		if m.Header.Get("Saga-Op") != "D-1/book/backward" {
			return false
		}
		r.says(m, saga.Succeeded)
		return true
	})
	if doc := r.reaches("D-1", saga.Compensated); doc.Cause.Kind != saga.CauseDeadline {
		t.Errorf("%+v", doc.Cause)
	}
}
