package orchestrator_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/saga"
)

// TestPauseOfASaga: nothing new is sent for it, also after a restart and the loss of the broker's store;
// replies are taken; the others go on.
func TestPauseOfASaga(t *testing.T) {
	r := newRig(t).running()
	r.begin("transfer", "T-1", transferInput(1))
	debit := r.hears("T-1/debit/forward", 1)
	if p := r.pause(`{"id":"T-1","reason":"a call from the bank"}`); !p.Changed || p.ID != "T-1" {
		t.Errorf("%+v", p)
	}
	if p := r.pause(`{"id":"T-1","reason":"again"}`); p.Changed || p.Reason != "a call from the bank" {
		t.Errorf("%+v", p)
	}
	r.says(debit, saga.Succeeded)
	r.eventually("its credit is enqueued", func() bool { return r.get("T-1").Steps[1].State == saga.StepRunning })
	r.passes("T-2")
	r.halt()
	r.running()
	r.passes("T-3")
	r.wipe()
	r.eventually("streams again", func() bool { return r.o.Health().Status == wire.HealthOK })
	r.passes("T-4")
	doc := r.get("T-1")
	contains(t, doc.Waiting, "paused since ")
	contains(t, doc.Waiting, ": a call from the bank; waiting for B to answer credit")
	if h := r.o.Health(); len(h.Paused) != 1 || h.Paused[0].ID != "T-1" || !h.OK() {
		t.Errorf("%+v", h)
	}
	if p := r.resume(`{"id":"T-1","reason":"all is well"}`); !p.Changed {
		t.Errorf("%+v", p)
	}
	r.says(r.hears("T-1/credit/forward", 1), saga.Succeeded)
	r.reaches("T-1", saga.Completed)
	if p := r.resume(`{"id":"T-1","reason":"again"}`); p.Changed || p.Since != nil {
		t.Errorf("%+v", p)
	}
	r.tells("T-1", "paused a call from the bank", "resumed all is well")
}

// passes sees that a new saga goes its way, and that nothing else is sent before it has.
func (r *rig) passes(id string) {
	r.Helper()
	r.begin("transfer", id, transferInput(1))
	r.says(r.hears(id+"/debit/forward", 1), saga.Succeeded)
	r.says(r.hears(id+"/credit/forward", 1), saga.Succeeded)
	r.reaches(id, saga.Completed)
}

// TestPauseOfAType parks starts too; sleeps go on, deadlines and timeouts do not.
func TestPauseOfAType(t *testing.T) {
	clock := &virtualClock{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), jumped: make(chan struct{})}
	r := newRig(t).runningAt(clock)
	r.apply(`{"saga":"slow","deadline":"5h","steps":[
		{"id":"book","participant":"P","action":"book","undo":"cancel"},
		{"id":"nap","after":[],"sleep":"1h"},
		{"id":"word","after":["nap"],"await":{"signal":"word","timeout":"3h"}},
		{"id":"pay","after":["book","word"],"participant":"P","action":"pay"}]}`)
	before := r.begin("slow", "D-1", `{}`)
	r.hears("D-1/book/forward", 1)
	r.pause(`{"type":"slow","reason":"bad news"}`)
	r.begin("slow", "D-2", `{}`)
	r.jump(clock, 2*time.Hour)
	r.eventually("the nap is over", func() bool { return r.get("D-1").Steps[1].State == saga.StepSucceeded })
	r.halt()
	clock.set(100 * time.Hour)
	r.runningAt(clock)
	r.jump(clock, time.Hour)
	r.passes("T-1")
	doc := r.get("D-1")
	contains(t, doc.Waiting, "all sagas slow are paused since 2026-01-02T03:04:05Z: bad news; ")
	if doc.State != saga.Running || doc.Steps[2].State != saga.StepRunning {
		t.Errorf("%+v", doc)
	}
	r.resume(`{"type":"slow","reason":"good news"}`)
	book := r.hears("D-1/book/forward", 1) // again: what the restart made due was parked
	late := before.Deadline.Add(103 * time.Hour).Format(time.RFC3339Nano)
	if got := book.Header.Get("Saga-Deadline"); got != late {
		t.Errorf("D-1 is sent with the deadline %s, want %s", got, late)
	}
	if got := r.hears("D-2/book/forward", 1).Header.Get("Saga-Deadline"); got != late {
		t.Errorf("D-2 is sent with the deadline %s, want %s", got, late)
	}
	doc = r.get("D-1")
	if until := doc.Steps[2].Until; until == nil || !until.Equal(clock.Now().Add(3*time.Hour)) {
		t.Errorf("the await's time is %v, all of it was lost", until)
	}
	r.jump(clock, 3*time.Hour)
	r.says(r.hears("D-1/book/backward", 1), saga.Succeeded)
	if doc := r.reaches("D-1", saga.Compensated); doc.Cause.Kind != saga.CauseTimeout {
		t.Errorf("%+v", doc.Cause)
	}
	r.tells("D-1", "postponed by 103h0m0s all sagas slow are paused since")
}

// TestPauseOfAParticipant stops what waits for it, and spends no attempts of its silence.
func TestPauseOfAParticipant(t *testing.T) {
	r := newRig(t).running()
	r.apply(`{"saga":"s","input":{},"steps":[
		{"id":"book","participant":"${input.who}","action":"book","undo":"cancel","timeout":"300ms","retry":{"attempts":1}},
		{"id":"pay","participant":"Q","action":"pay"}]}`)
	r.begin("s", "P-1", `{"who":"P"}`)
	r.hears("P-1/book/forward", 1)
	r.pause(`{"participant":"P","reason":"maintenance"}`)
	r.begin("s", "P-2", `{"who":"P"}`)
	r.begin("s", "Q-1", `{"who":"Q"}`) // falls silent after P-1 did
	r.hears("Q-1/book/forward", 1)
	r.says(r.hears("Q-1/book/backward", 1), saga.Succeeded)
	r.reaches("Q-1", saga.Compensated)
	if doc := r.get("P-1"); doc.State != saga.Running || !strings.HasPrefix(doc.Waiting, "P is paused since ") {
		t.Errorf("%s %q", doc.State, doc.Waiting)
	}
	r.resume(`{"participant":"P","reason":"it is back"}`)
	first, second := r.hears("P-1/book/forward", 1), r.hears("P-2/book/forward", 1)
	r.says(first, saga.Succeeded)
	r.says(second, saga.Succeeded)
	for _, id := range []string{"P-1", "P-2"} {
		r.says(r.hears(id+"/pay/forward", 1), saga.Succeeded)
		r.reaches(id, saga.Completed)
	}
}

const waits = `{"saga":"waits","deadline":"10h","steps":[
	{"id":"book","participant":"P","action":"book","undo":"cancel"},{"id":"pay","participant":"P","action":"pay"}]}`

// TestTimeIsLostOnce, however many pauses cost it.
func TestTimeIsLostOnce(t *testing.T) {
	clock := &virtualClock{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), jumped: make(chan struct{})}
	r := newRig(t).runningAt(clock)
	r.apply(waits)
	deadline := r.begin("waits", "W-1", `{}`).Deadline.Time
	for i, step := range []struct {
		verb, body string
		given      time.Duration // so far
	}{
		{"pause", `{"id":"W-1","reason":"a"}`, 0},
		{"pause", `{"type":"waits","reason":"b"}`, 0},
		{"resume", `{"type":"waits","reason":"b"}`, 0}, // W-1 is paused longer
		{"pause", `{"participant":"P","reason":"c"}`, 0},
		{"resume", `{"id":"W-1","reason":"a"}`, 3 * time.Hour}, // since then it is c
		{"resume", `{"participant":"P","reason":"c"}`, 5 * time.Hour},
	} {
		r.pausing(step.verb, step.body)
		if got := r.get("W-1").Deadline.Sub(deadline); got != step.given {
			t.Errorf("step %d: %v given back, want %v", i, got, step.given)
		}
		clock.set(time.Hour)
	}
	r.jump(clock, 8*time.Hour)
	if doc := r.get("W-1"); doc.State != saga.Running {
		t.Errorf("%s", doc.State)
	}
	r.jump(clock, 2*time.Hour)
	r.reaches("W-1", saga.Compensating)
}

// TestAnAnswerOfAPausedParticipant ends the pause for its saga: what it has lost is given back at once.
func TestAnAnswerOfAPausedParticipant(t *testing.T) {
	clock := &virtualClock{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), jumped: make(chan struct{})}
	r := newRig(t).runningAt(clock)
	r.apply(`{"saga":"trip","deadline":"10h","steps":[
		{"id":"book","participant":"P","action":"book","undo":"cancel"},
		{"id":"seat","participant":"Q","action":"seat","undo":"leave"},
		{"id":"pay","participant":"Q","action":"pay"}]}`)
	deadline := r.begin("trip", "W-1", `{}`).Deadline.Add(20 * time.Hour)
	book := r.hears("W-1/book/forward", 1)
	r.pause(`{"participant":"P","reason":"a"}`)
	r.jump(clock, 20*time.Hour)
	r.says(book, saga.Succeeded)
	if got := r.hears("W-1/seat/forward", 1).Header.Get("Saga-Deadline"); got != deadline.Format(time.RFC3339Nano) {
		t.Errorf("the deadline is %s, want %s", got, deadline)
	}
	r.jump(clock, 9*time.Hour)
	if doc := r.get("W-1"); doc.State != saga.Running {
		t.Errorf("%s", doc.State)
	}
	r.jump(clock, time.Hour) // its timer is armed again, although P is paused
	r.reaches("W-1", saga.Compensating)
}

// TestTimeIsGivenBackAfterACrash: a resume that was stored goes on where it was.
func TestTimeIsGivenBackAfterACrash(t *testing.T) {
	clock := &virtualClock{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), jumped: make(chan struct{})}
	r := newRig(t).runningAt(clock)
	r.apply(waits)
	deadline := r.begin("waits", "W-1", `{}`).Deadline.Time
	r.begin("waits", "W-2", `{}`)
	r.pause(`{"type":"waits","reason":"a"}`)
	r.jump(clock, 20*time.Hour)
	r.eventually("nobody is woken", func() bool {
		var timers int
		r.must(r.db.Read().Get(&timers, `SELECT count(timer) FROM sagas`))
		return timers == 0
	})
	r.must(r.db.Write(r.Context(), func(tx outbox.Tx) error { // W-1 has its time, W-2 has not
		_, err1 := tx.ExecContext(r.Context(), `UPDATE pauses SET resumed = since, reached = 1`)
		_, err2 := tx.ExecContext(r.Context(), `UPDATE sagas SET timer = deadline WHERE seq = 1`)
		return errors.Join(err1, err2)
	}))
	r.halt()
	r.runningAt(clock)
	r.eventually("W-2 has its time", func() bool { return r.get("W-2").Deadline.Equal(deadline.Add(20 * time.Hour)) })
	r.eventually("nothing is paused", func() bool { return len(r.pauses()) == 0 && r.get("W-2").Waiting != "" })
	r.jump(clock, time.Second)
	r.reaches("W-1", saga.Compensating)
}

// TestAPauseOfManyIsResumedInParts, and each saga gets its time once.
func TestAPauseOfManyIsResumedInParts(t *testing.T) {
	clock := &virtualClock{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), jumped: make(chan struct{})}
	r := newRig(t).runningAt(clock)
	r.apply(waits)
	r.pause(`{"type":"waits","reason":"a"}`)
	const n = 600
	for i := range n {
		r.begin("waits", fmt.Sprint("W-", i), `{}`)
	}
	r.jump(clock, 20*time.Hour)
	r.resume(`{"type":"waits","reason":"b"}`)
	var postponed, late int
	r.must(r.db.Read().Get(&postponed, `SELECT count(*) FROM history WHERE kind = 'postponed'`))
	r.must(r.db.Read().Get(&late, `SELECT count(*) FROM sagas WHERE deadline = timer AND deadline > ?`, clock.Now().UnixMicro()))
	if postponed != n || late != n {
		t.Errorf("%d postponed, %d have a deadline ahead, want %d", postponed, late, n)
	}
	for i := range 3 {
		r.hears(fmt.Sprintf("W-%d/book/forward", i), 1)
	}
}

// TestWhatEndsIsNotPaused: a paused saga can be cancelled and can end, and leaves no pause behind.
func TestWhatEndsIsNotPaused(t *testing.T) {
	r := newRig(t).running()
	r.begin("transfer", "T-1", transferInput(1))
	debit := r.hears("T-1/debit/forward", 1)
	r.pause(`{"id":"T-1","reason":"look"}`)
	r.says(debit, saga.Rejected)
	r.reaches("T-1", saga.Compensated)
	if list := r.pauses(); len(list) != 0 {
		t.Errorf("%+v", list)
	}
	for body, code := range map[string]string{
		`{"id":"T-1","reason":"x"}`: "conflict", `{"id":"T-9","reason":"x"}`: "not_found", `{"type":"none","reason":"x"}`: "not_found",
		`{"id":"T-1"}`: "invalid", `{"reason":"x"}`: "invalid", `{"id":"T-1","type":"transfer","reason":"x"}`: "invalid", `{"participant":"a.b","reason":"x"}`: "invalid",
	} {
		if _, problem := r.request("pause", body); problem == nil || problem.Code != code {
			t.Errorf("%s: %+v", body, problem)
		}
	}
}

func (r *rig) pause(body string) wire.Pause  { r.Helper(); return r.pausing("pause", body) }
func (r *rig) resume(body string) wire.Pause { r.Helper(); return r.pausing("resume", body) }

func (r *rig) pausing(verb, body string) (p wire.Pause) {
	r.Helper()
	answer, problem := r.request(verb, body)
	if problem != nil {
		r.Fatalf("%s %s: %v", verb, body, problem)
	}
	r.must(json.Unmarshal(answer, &p))
	return p
}

func (r *rig) pauses() []wire.Pause {
	r.Helper()
	answer, problem := r.request("pauses", "")
	if problem != nil {
		r.Fatal(problem)
	}
	var list wire.PauseList
	r.must(json.Unmarshal(answer, &list))
	return list.Items
}

// tells finds lines in a saga's history, as "event message note".
func (r *rig) tells(id string, lines ...string) {
	r.Helper()
	answer, problem := r.request("history", fmt.Sprintf(`{"id":%q}`, id))
	if problem != nil {
		r.Fatal(problem)
	}
	var h wire.History
	r.must(json.Unmarshal(answer, &h))
	var all strings.Builder
	for _, m := range h.Items {
		fmt.Fprintln(&all, m.Event, m.Message, m.Note)
	}
	for _, line := range lines {
		contains(r.T, all.String(), "\n"+line)
	}
}
