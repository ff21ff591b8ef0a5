package orchestrator_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/saga"
	"github.com/nats-io/nats.go"
)

func (r *rig) applied(definition string, headers ...string) (a wire.AppliedDefinition) {
	r.Helper()
	answer, problem := r.request("definitions.apply", definition, headers...)
	if problem != nil {
		r.Fatal(problem)
	}
	r.must(json.Unmarshal(answer, &a))
	return a
}

const (
	tripOne = `{"saga":"trip","version":1,"steps":[
		{"id":"book","participant":"P","action":"book","undo":"cancel"},
		{"id":"word","await":{"signal":"word"}},
		{"id":"pay","participant":"P","action":"pay"}]}`
	tripTwo = `{"saga":"trip","version":2,"steps":[
		{"id":"book","participant":"P","action":"book","undo":"cancel"},
		{"id":"word","await":{"signal":"word"}},
		{"id":"seat","participant":"P","action":"seat","undo":"leave"},
		{"id":"pay","participant":"P","action":"pay","timeout":"3s"}]}`
)

// TestApplySaysWhatChanges, and a dry run stores nothing.
func TestApplySaysWhatChanges(t *testing.T) {
	r := newRig(t).running()
	if a := r.applied(tripOne); !a.Created || a.Against != 0 || a.Changes != nil || a.InFlight != 0 {
		t.Errorf("%+v", a)
	}
	r.begin("trip", "T-1", `{}`)
	want := []string{"step seat is added", "step pay: it came after word, it comes after seat", "step pay: its timeout has changed"}
	for _, dry := range []string{"true", "false"} {
		a := r.applied(tripTwo, "Saga-Dry-Run", dry)
		if a.Against != 1 || a.InFlight != 1 || !slices.Equal(a.Changes, want) || a.DryRun != (dry == "true") || a.Created != (dry == "false") {
			t.Errorf("dry run %s: %+v", dry, a)
		}
	}
	if a := r.applied(tripTwo, "Saga-Dry-Run", "true"); a.Created || a.Applied.IsZero() {
		t.Errorf("%+v", a)
	}
	if _, problem := r.request("definitions.apply", tripTwo, "Saga-Dry-Run", "perhaps"); problem == nil || problem.Code != "invalid" {
		t.Errorf("%+v", problem)
	}
	if _, problem := r.request("definitions.apply", strings.Replace(tripTwo, "3s", "4s", 1), "Saga-Dry-Run", "true"); problem == nil || problem.Code != "conflict" {
		t.Errorf("%+v", problem)
	}
	r.apply(`{"saga":"stay","steps":[{"id":"room","participant":"P","action":"book"}]}`)
	if doc := r.get("T-1"); doc.Version != 1 {
		t.Errorf("T-1 has version %d", doc.Version)
	}
	if doc := r.begin("trip", "T-2", `{}`); doc.Version != 2 {
		t.Errorf("T-2 has version %d", doc.Version)
	}
}

// TestApplyChecksChildren: what a saga runs must be known, and such that it can be undone where it must be.
func TestApplyChecksChildren(t *testing.T) {
	r := newRig(t).running()
	r.apply(`{"saga":"paid","steps":[{"id":"a","participant":"P","action":"a"}]}`)
	r.apply(`{"saga":"undone","steps":[{"id":"a","participant":"P","action":"a","undo":"b"}]}`)
	r.apply(`{"saga":"undone","version":2,"steps":[{"id":"a","participant":"P","action":"a"}]}`)
	for steps, says := range map[string]string{
		`{"id":"c","kind":"pivot","run":{"saga":"none"}}`:                        `step "c": it runs saga none, which is not known: apply its definition first`,
		`{"id":"c","kind":"pivot","run":{"saga":"paid","version":7}}`:            "saga paid version 7, which is not known",
		`{"id":"c","kind":"compensatable","run":{"saga":"paid"}}`:                "no version of saga paid is without a pivot: write kind: pivot",
		`{"id":"c","kind":"compensatable","run":{"saga":"undone","version":2}}`:  "saga undone version 2 has a pivot",
		`{"id":"c","kind":"compensatable","run":{"saga":"undone"}}`:              "",
		`{"id":"c","kind":"compensatable","run":{"saga":"undone","version":1}}`:  "",
		`{"id":"c","kind":"pivot","run":{"saga":"paid"}}`:                        "",
		`{"id":"c","kind":"pivot","when":"${input.n > 0}","run":{"saga":"own"}}`: "",
	} {
		_, problem := r.request("definitions.apply", `{"saga":"own","steps":[`+steps+`]}`, "Saga-Dry-Run", "true")
		switch {
		case says == "" && problem != nil:
			t.Errorf("%s: %v", steps, problem)
		case says != "" && (problem == nil || problem.Code != "invalid" || !strings.Contains(problem.Detail, says)):
			t.Errorf("%s: %+v, want %s", steps, problem, says)
		}
	}
}

// TestMigration moves what can be moved, over several transactions and a restart, keeps what is out, and says
// why the others are left.
func TestMigration(t *testing.T) {
	clock := &virtualClock{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), jumped: make(chan struct{})}
	r := newRig(t).runningAt(clock)
	r.apply(tripOne)
	const n = 300
	for i := range n {
		r.begin("trip", fmt.Sprint("T-", i), `{}`)
	}
	r.says(r.hears("T-0/book/forward", 1), saga.Succeeded)
	r.says(r.hears("T-1/book/forward", 1), saga.Succeeded)
	for _, id := range []string{"T-0", "T-1"} {
		r.eventually("it waits", func() bool { return r.get(id).Steps[1].State == saga.StepRunning })
	}
	r.verb("signal", `{"id":"T-1","name":"word"}`) // T-1 pays: that came before seat
	pay := r.nextOf("T-1/pay/forward")
	r.apply(tripTwo)
	left := []wire.Left{{Reason: "step pay has begun, and in version 2 it comes after seat, which has not", Count: 1, Example: "T-1"}}
	if m := r.migrate(`{"name":"trip","from":1,"to":2,"dry_run":true}`); m.Moved != n-1 || !slices.Equal(m.Left, left) || !m.DryRun {
		t.Errorf("%+v", m)
	}
	if m := r.migrate(`{"name":"trip","from":1,"to":2,"limit":3}`); m.Moved != 3 || !m.More {
		t.Errorf("%+v", m)
	}
	if m := r.migrate(`{"name":"trip","from":1,"to":0,"reason":"seats are sold now"}`); m.Moved != n-4 || !slices.Equal(m.Left, left) || m.To != 2 || m.More {
		t.Errorf("%+v", m)
	}
	if m := r.migrate(`{"name":"trip","from":1,"to":2}`); m.Moved != 0 || !slices.Equal(m.Left, left) {
		t.Errorf("%+v", m)
	}
	r.says(pay, saga.Succeeded)
	r.reaches("T-1", saga.Completed)
	r.halt()
	r.runningAt(clock)
	r.verb("signal", `{"id":"T-0","name":"word"}`)
	r.says(r.nextOf("T-0/seat/forward"), saga.Succeeded)
	r.says(r.nextOf("T-0/pay/forward"), saga.Succeeded)
	if doc := r.reaches("T-0", saga.Completed); doc.Version != 2 || len(doc.Steps) != 4 {
		t.Errorf("%+v", doc)
	}
	r.tells("T-299", "migrated seats are sold now from version 1 to 2")
	for body, code := range map[string]string{`{"name":"trip","from":1,"to":1}`: "invalid", `{"name":"trip","from":2}`: "invalid",
		`{"name":"trip","from":1,"to":9}`: "not_found", `{"name":"none","from":1,"to":2}`: "not_found", `{"name":"trip","from":1,"to":2,"limit":-1}`: "invalid"} {
		if _, problem := r.request("definitions.migrate", body); problem == nil || problem.Code != code {
			t.Errorf("%s: %+v", body, problem)
		}
	}
}

func (r *rig) migrate(body string) (m wire.Migration) {
	r.Helper()
	answer, problem := r.request("definitions.migrate", body)
	if problem != nil {
		r.Fatal(problem)
	}
	r.must(json.Unmarshal(answer, &m))
	return m
}

// nextOf waits for a command and passes over others.
func (r *rig) nextOf(op string) *nats.Msg {
	r.Helper()
	for {
		if m := r.command(op); m.Header.Get("Saga-Op") == op {
			return m
		}
	}
}
