package orchestrator_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/orchestrator"
	"github.com/girohq/giro/saga"
)

// TestBranches sends independent steps at once, and undoes them at once, before what they came after.
func TestBranches(t *testing.T) {
	r := newRig(t).running()
	r.apply(`{"saga":"trip","steps":[
		{"id":"plan","participant":"P","action":"plan","undo":"forget"},
		{"id":"hotel","participant":"P","action":"book","undo":"cancel"},
		{"id":"flight","participant":"P","action":"book","undo":"cancel","after":["plan"]},
		{"id":"pay","participant":"P","action":"pay","after":["hotel","flight"]}]}`)
	r.begin("trip", "B-1", `{}`)
	r.says(r.hears("B-1/plan/forward", 1), saga.Succeeded)
	hotel, flight := r.hears("B-1/hotel/forward", 1), r.hears("B-1/flight/forward", 1)
	r.says(flight, saga.Succeeded)
	r.says(hotel, saga.Succeeded)
	r.says(r.hears("B-1/pay/forward", 1), saga.Rejected, "Saga-Error-Code", "poor")
	flight, hotel = r.hears("B-1/flight/backward", 1), r.hears("B-1/hotel/backward", 1)
	r.says(hotel, saga.Succeeded)
	r.says(flight, saga.Succeeded)
	r.says(r.hears("B-1/plan/backward", 1), saga.Succeeded)
	r.reaches("B-1", saga.Compensated)
}

// TestEach runs a step over a list, two at once, with the results in the order of the list.
func TestEach(t *testing.T) {
	r := newRig(t).running()
	r.apply(`{"saga":"payroll","steps":[
		{"id":"pay","each":"${input.payees}","parallel":2,"participant":"P","action":"credit","key":"${item.account}","args":{"n":"${index}","cents":"${item.cents}"},"undo":"uncredit"},
		{"id":"book","participant":"P","action":"book","args":{"paid":"${results.pay}"}}]}`)
	r.begin("payroll", "E-1", `{"payees":[{"account":"a","cents":1},{"account":"b","cents":2},{"account":"c","cents":3}]}`)
	first, second := r.hears("E-1/pay.0/forward", 1), r.hears("E-1/pay.1/forward", 1)
	if string(second.Data) != `{"cents":2,"n":1}` || !strings.HasSuffix(second.Subject, ".b") {
		t.Errorf("%s %s", second.Subject, second.Data)
	}
	r.says(second, saga.Succeeded)
	third := r.hears("E-1/pay.2/forward", 1)
	r.says(first, saga.Succeeded)
	r.says(third, saga.Succeeded)
	if book := r.hears("E-1/book/forward", 1); string(book.Data) != `{"paid":[{},{},{}]}` {
		t.Errorf("%s", book.Data)
	} else {
		r.says(book, saga.Succeeded)
	}
	if doc := r.reaches("E-1", saga.Completed); len(doc.Steps) != 4 || doc.Steps[2].ID != "pay.2" {
		t.Errorf("%+v", doc.Steps)
	}
}

// TestHold confirms behind everything that can be refused, with the arguments of the try.
func TestHold(t *testing.T) {
	r := newRig(t).running()
	r.apply(`{"saga":"held","steps":[
		{"id":"hold","participant":"P","args":{"cents":"${input.cents}"},"try":"reserve","confirm":"capture","cancel":"release","expires":"1h"},
		{"id":"ship","participant":"S","action":"ship","undo":"stop"}]}`)
	r.begin("held", "H-1", `{"cents":7}`)
	try := r.hears("H-1/hold.try/forward", 1)
	if try.Header.Get("Saga-Expires") == "" || try.Header.Get("Saga-Expiry") != "release" || !strings.Contains(try.Subject, ".reserve.") {
		t.Errorf("%s %v", try.Subject, try.Header)
	}
	r.says(try, saga.Succeeded)
	r.says(r.hears("H-1/ship/forward", 1), saga.Succeeded)
	confirm := r.hears("H-1/hold.confirm/forward", 1)
	if confirm.Header.Get("Saga-Kind") != "pivot" || string(confirm.Data) != string(try.Data) {
		t.Errorf("%s %v", confirm.Data, confirm.Header)
	}
	r.says(confirm, saga.Rejected, "Saga-Error-Code", "expired")
	r.says(r.hears("H-1/ship/backward", 1), saga.Succeeded)
	r.says(r.hears("H-1/hold.try/backward", 1), saga.Succeeded)
	if doc := r.reaches("H-1", saga.Compensated); doc.Cause.Code != "expired" {
		t.Errorf("%+v", doc.Cause)
	}
}

// TestSignal goes on with what a person said, which is kept when it comes early and over a restart.
func TestSignal(t *testing.T) {
	r := newRig(t).running()
	r.apply(`{"saga":"loan","steps":[
		{"id":"check","participant":"P","action":"check","undo":"forget"},
		{"id":"approval","await":{"signal":"approved","reject":"declined","timeout":"2d"}},
		{"id":"pay","participant":"P","action":"pay","args":{"by":"${results.approval.by}"}}]}`)
	for _, id := range []string{"L-1", "L-2"} {
		r.begin("loan", id, `{}`)
	}
	check1, check2 := r.hears("L-1/check/forward", 1), r.hears("L-2/check/forward", 1)
	r.verb("signal", `{"id":"L-1","name":"approved","data":{"by":"ann"}}`)
	r.verb("signal", `{"id":"L-1","name":"approved","data":{"by":"ann"}}`)
	r.verb("signal", `{"id":"L-2","name":"declined"}`)
	for body, code := range map[string]string{
		`{"id":"L-1","name":"approved","data":{"by":"bob"}}`: "conflict",
		`{"id":"L-1","name":"nonsense"}`:                     "conflict",
		`{"id":"L-1","name":"a.b"}`:                          "invalid",
		`{"id":"L-1","name":"approved","data":7}`:            "invalid",
		`{"id":"L-9","name":"approved"}`:                     "not_found",
	} {
		if _, problem := r.request("signal", body); problem == nil || problem.Code != code {
			t.Errorf("%s: %+v", body, problem)
		}
	}
	r.says(check1, saga.Succeeded)
	r.says(check2, saga.Succeeded)
	if pay := r.hears("L-1/pay/forward", 1); string(pay.Data) != `{"by":"ann"}` {
		t.Errorf("%s", pay.Data)
	} else {
		r.says(pay, saga.Succeeded)
	}
	r.reaches("L-1", saga.Completed)
	r.says(r.hears("L-2/check/backward", 1), saga.Succeeded)
	if doc := r.reaches("L-2", saga.Compensated); doc.Cause.Kind != saga.CauseRejected || doc.Cause.Code != "declined" {
		t.Errorf("%+v", doc.Cause)
	}
}

// TestDaysPass: what sleeps, waits for a time to begin or for somebody who says nothing is woken by
// the clock, also after a restart.
func TestDaysPass(t *testing.T) {
	clock := &virtualClock{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), jumped: make(chan struct{})}
	r := newRig(t).runningAt(clock)
	r.apply(`{"saga":"slow","steps":[
		{"id":"nap","sleep":"${input.days}d"},
		{"id":"word","await":{"signal":"word","timeout":"1d","on_timeout":"continue"}},
		{"id":"ask","await":{"signal":"answer","timeout":"1h"}},
		{"id":"pay","participant":"P","action":"pay"}]}`)
	at := clock.Now().Add(10 * 24 * time.Hour).Format(time.RFC3339)
	if _, problem := r.request("start.slow", `{"days":3}`, "Saga-Id", "D-1", "Saga-Start-At", at); problem != nil {
		t.Fatal(problem)
	}
	if doc := r.get("D-1"); doc.Waiting != "begins at "+at || doc.Steps[0].State != saga.StepPending {
		t.Errorf("%q %+v", doc.Waiting, doc.Steps)
	}
	r.jump(clock, 10*24*time.Hour)
	r.eventually("the nap", func() bool { return strings.HasPrefix(r.get("D-1").Waiting, "sleeping until ") })
	r.halt()
	clock.set(3 * 24 * time.Hour)
	r.runningAt(clock)
	r.eventually("the first question", func() bool { return strings.HasPrefix(r.get("D-1").Waiting, "waiting for the signal word") })
	r.jump(clock, 24*time.Hour)
	r.eventually("the second question", func() bool { return strings.HasPrefix(r.get("D-1").Waiting, "waiting for the signal answer") })
	r.jump(clock, 2*time.Hour)
	if doc := r.reaches("D-1", saga.Compensated); doc.Cause.Kind != saga.CauseTimeout || doc.Steps[1].State != saga.StepSkipped {
		t.Errorf("%+v %+v", doc.Cause, doc.Steps)
	}
}

// TestChildren: a child begins and ends in the transaction of its parent, stands until its parent has
// decided, and is undone with it.
func TestChildren(t *testing.T) {
	r := newRig(t).running()
	r.apply(`{"saga":"stay","steps":[{"id":"room","participant":"P","action":"book","undo":"cancel"}],"output":{"room":"${results.room.n}"}}`)
	r.apply(`{"saga":"tour","steps":[
		{"id":"stay","kind":"compensatable","run":{"saga":"stay","input":{"who":"${input.who}"}}},
		{"id":"pay","participant":"P","action":"pay","args":{"room":"${results.stay.room}"}}]}`)
	for id, want := range map[string]saga.State{"C-1": saga.Completed, "C-2": saga.Compensated} {
		r.begin("tour", id, `{"who":"ann"}`)
		child := r.get(id).Steps[0].Saga
		if c := r.get(child); c.Parent == nil || c.Parent.ID != id || string(c.Input) != `{"who":"ann"}` {
			t.Fatalf("%+v", c)
		}
		r.says(r.hears(child+"/room/forward", 1), saga.Succeeded, "body", `{"n":7}`)
		pay := r.hears(id+"/pay/forward", 1)
		if string(pay.Data) != `{"room":7}` || r.get(child).State != saga.Running {
			t.Errorf("%s, the child is %s", pay.Data, r.get(child).State)
		}
		if _, problem := r.request("cancel", fmt.Sprintf(`{"id":%q,"reason":"not from here"}`, child)); problem == nil || problem.Code != "conflict" {
			t.Errorf("%+v", problem)
		}
		if want == saga.Completed {
			r.says(pay, saga.Succeeded)
		} else {
			r.says(pay, saga.Rejected)
			r.says(r.hears(child+"/room/backward", 1), saga.Succeeded)
		}
		r.reaches(id, want)
		r.reaches(child, want)
	}
}

// TestAChildThatCannotBegin refuses its parent's step.
func TestAChildThatCannotBegin(t *testing.T) {
	r := newRig(t).running()
	r.apply(`{"saga":"strict","input":{"type":"object","required":["n"]},"steps":[{"id":"a","participant":"P","action":"a"}]}`)
	r.apply(`{"saga":"bad","steps":[{"id":"c","kind":"pivot","run":{"saga":"strict","input":{"m":1}}}]}`)
	r.begin("bad", "X-1", `{}`)
	doc := r.reaches("X-1", saga.Compensated)
	if doc.Cause.Code != "invalid" || !strings.Contains(doc.Cause.Message, "n") {
		t.Errorf("%+v", doc.Cause)
	}
}

// TestDecisions: an operator's skip, resolve and abandon are applied when the participant has said that
// nothing more can come of the command.
func TestDecisions(t *testing.T) {
	r := newRig(t).running()
	r.apply(`{"saga":"d","steps":[
		{"id":"book","participant":"P","action":"book","undo":{"action":"cancel","retry":{"attempts":1}}},
		{"id":"pay","participant":"P","action":"pay"},
		{"id":"tell","kind":"retriable","participant":"P","action":"tell","retry":{"attempts":1}}]}`)
	past := func(id string) {
		r.begin("d", id, `{}`)
		r.says(r.hears(id+"/book/forward", 1), saga.Succeeded)
		r.says(r.hears(id+"/pay/forward", 1), saga.Succeeded)
		r.says(r.hears(id+"/tell/forward", 1), saga.Retried, "Saga-Error-Code", "away")
		r.reaches(id, saga.Suspended)
	}
	past("skip")
	r.verb("skip", `{"id":"skip","step":"tell","reason":"he knows"}`)
	r.says(r.hears("skip/tell/inquire", 1), saga.Fenced)
	if doc := r.reaches("skip", saga.Completed); doc.Steps[2].State != saga.StepSkipped {
		t.Errorf("%+v", doc.Steps[2])
	}
	past("resolve")
	r.verb("resolve", `{"id":"resolve","step":"tell","result":{"by":"phone"},"reason":"told him"}`)
	r.says(r.hears("resolve/tell/inquire", 1), saga.Fenced)
	if doc := r.reaches("resolve", saga.Completed); string(doc.Steps[2].Result) != `{"by":"phone"}` {
		t.Errorf("%+v", doc.Steps[2])
	}
	past("abandon")
	r.verb("abandon", `{"id":"abandon","reason":"closed"}`)
	r.says(r.hears("abandon/tell/inquire", 1), saga.Fenced)
	if doc := r.reaches("abandon", saga.Abandoned); doc.Cause.Kind != saga.CauseOperator || !strings.Contains(doc.Cause.Message, "left as they are: book, pay") {
		t.Errorf("%+v", doc.Cause)
	}
	past("force")
	r.verb("abandon", `{"id":"force","reason":"at once","force":true}`)
	if doc := r.reaches("force", saga.Abandoned); !doc.Steps[2].Open {
		t.Errorf("%+v", doc.Steps[2])
	}
	r.begin("d", "close", `{}`)
	r.says(r.hears("close/book/forward", 1), saga.Succeeded)
	r.says(r.hears("close/pay/forward", 1), saga.Rejected)
	r.says(r.hears("close/book/backward", 1), saga.Retried)
	r.reaches("close", saga.Suspended)
	r.verb("resolve", `{"id":"close","step":"book","reason":"cancelled by phone"}`)
	r.says(r.hears("close/book/close", 1), saga.Succeeded)
	r.reaches("close", saga.Compensated)
	for verb, body := range map[string]string{"skip": `{"id":"close","reason":"no step"}`, "resolve": `{"id":"close","step":"book","reason":"x","result":[]}`,
		"cancel": `{"id":"close","reason":"x","force":true}`, "abandon": `{"id":"close","step":"book","reason":"x"}`, "retry": `{"id":"close","reason":"x","result":{}}`} {
		if _, problem := r.request(verb, body); problem == nil || problem.Code != "invalid" {
			t.Errorf("%s %s: %+v", verb, body, problem)
		}
	}
}

// verb asks for what must not be refused.
func (r *rig) verb(verb, body string) saga.Document {
	r.Helper()
	answer, problem := r.request(verb, body)
	if problem != nil {
		r.Fatalf("%s %s: %v", verb, body, problem)
	}
	return r.document(answer)
}

// virtualClock is the orchestrator's clock, set by hand.
type virtualClock struct {
	mu     sync.Mutex
	now    time.Time
	jumped chan struct{}
}

func (c *virtualClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *virtualClock) set(forward time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(forward)
}

func (r *rig) jump(c *virtualClock, forward time.Duration) {
	r.Helper()
	c.set(forward)
	select {
	case c.jumped <- struct{}{}:
	case <-time.After(patience):
		r.Fatal("nobody looks at the clock")
	}
}

func (r *rig) runningAt(c *virtualClock) *rig {
	r.Helper()
	r.start(orchestrator.Config{Now: c.Now, Jumped: c.jumped})
	r.eventually("ready", func() bool { return r.o.Health().Status == wire.HealthOK })
	return r
}

// TestChildrenWithoutEnd: a saga that runs itself over a list, whatever it is given, is refused before it
// stops the loop for everybody.
func TestChildrenWithoutEnd(t *testing.T) {
	r := newRig(t).running()
	r.apply(`{"saga":"bomb","steps":[{"id":"again","kind":"compensatable","each":"${input.l}","run":{"saga":"bomb","input":{"l":"${input.l}"}}}]}`)
	r.begin("bomb", "W-1", `{"l":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20]}`)
	doc := r.reaches("W-1", saga.Compensated)
	contains(t, doc.Cause.Message, "too many sagas")
	r.passes("W-2")
	r.eventually("all are compensated", func() bool {
		var live int
		r.must(r.db.Read().GetContext(t.Context(), &live, `SELECT count(*) FROM sagas WHERE state <> 'compensated'`))
		return live == 1
	})
}
