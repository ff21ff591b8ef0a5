package orchestrator_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/orchestrator"
	"github.com/girohq/giro/saga"
)

const aStore = "astoreastoreasto"

// greets is a participant's hello.
func (r *rig) greets(h wire.Hello) wire.Welcome {
	r.Helper()
	body, err := json.Marshal(h)
	r.must(err)
	var w wire.Welcome
	r.eventually("its hello is answered", func() bool {
		answer, err := r.conn.Request("saga.api.v1."+wire.VerbHello, body, patience)
		return err == nil && answer.Header.Get("Nats-Service-Error-Code") == "" && json.Unmarshal(answer.Data, &w) == nil
	})
	return w
}

func hello(session string, commit int64) wire.Hello {
	return wire.Hello{Name: "A", Store: aStore, Session: session, Commit: commit, From: commit}
}

func mark(session string, commit int) []string {
	return []string{wire.HeaderStore, aStore, wire.HeaderSession, session, wire.HeaderCommit, fmt.Sprint(commit)}
}

// TestRepliesOfALostDatabase: replies count if they are from the participant's database as it is now, be they of
// a process that has ended.
func TestRepliesOfALostDatabase(t *testing.T) {
	r := newRig(t).running()
	if w := r.greets(hello("one", 0)); w.State != wire.WelcomeServe {
		t.Fatalf("%+v", w)
	}
	for i := range 4 {
		r.begin("transfer", fmt.Sprintf("T-%d", i), transferInput(1))
	}
	first, second, third, fourth := r.hears("T-0/debit/forward", 1), r.hears("T-1/debit/forward", 1), r.hears("T-2/debit/forward", 1), r.hears("T-3/debit/forward", 1)
	r.says(first, saga.Rejected, mark("one", 1)...)
	r.reaches("T-0", saga.Compensated)
	if w := r.greets(hello("two", 2)); w.State != wire.WelcomeTell || w.Ahead != 1 {
		t.Errorf("%+v", w)
	}
	told := hello("two", 2)
	told.Told = true
	if w := r.greets(told); w.State != wire.WelcomeServe {
		t.Errorf("%+v", w)
	}
	r.says(third, saga.Rejected, mark("one", 3)...) // of a database that has gone another way
	r.says(second, saga.Rejected, mark("one", 2)...)
	r.reaches("T-1", saga.Compensated)
	if doc := r.get("T-2"); doc.State != saga.Running {
		t.Errorf("a reply of a lost database was taken: %+v", doc)
	}
	r.says(fourth, saga.Rejected, wire.HeaderStore, "another", wire.HeaderSession, "two", wire.HeaderCommit, "1")
	r.says(third, saga.Rejected, mark("two", 3)...)
	r.reaches("T-2", saga.Compensated)
	if doc := r.get("T-3"); doc.State != saga.Running {
		t.Errorf("a reply of another database was taken: %+v", doc)
	}
	if w := r.greets(hello("two", 1)); w.State != wire.WelcomeServe {
		t.Errorf("it serves, and was heard before its hello was read: %+v", w)
	}
}

// TestAnOlderCopyIsReplayed: what it lacks is told in the order of the answers; it serves when that is done again.
func TestAnOlderCopyIsReplayed(t *testing.T) {
	r := newRig(t).running()
	r.greets(hello("one", 0))
	r.begin("transfer", "T-0", transferInput(1))
	r.says(r.hears("T-0/debit/forward", 1), saga.Succeeded, append(mark("one", 1), "body", `{"n":1}`)...)
	r.says(r.hears("T-0/credit/forward", 1), saga.Rejected, "Saga-Error-Code", "no_such_account")
	r.says(r.hears("T-0/debit/backward", 1), saga.Succeeded, mark("one", 2)...)
	r.reaches("T-0", saga.Compensated)
	r.begin("transfer", "T-1", transferInput(1))
	r.says(r.hears("T-1/debit/forward", 1), saga.Rejected, append(mark("one", 3), "Saga-Error-Code", "insufficient_funds", "Saga-Error", "no")...)
	r.reaches("T-1", saga.Compensated)

	w := r.greets(hello("two", 0))
	if w.State != wire.WelcomeReplay || w.Ahead != 3 {
		t.Fatalf("%+v", w)
	}
	r.begin("transfer", "T-2", transferInput(1)) // its command is parked
	r.begin("transfer", "T-3", strings.Replace(transferInput(1), `"A"`, `"C"`, 1))
	r.says(r.hears("T-3/debit/forward", 1), saga.Rejected)
	r.reaches("T-3", saga.Compensated)
	r.halt()
	r.start(orchestrator.Config{}) // it is not forgotten
	if w := r.greets(hello("two", 0)); w.State != wire.WelcomeReplay {
		t.Fatalf("%+v", w)
	}
	answer, problem := r.request(wire.VerbLost, `{"name":"A","session":"two"}`)
	if problem != nil {
		t.Fatal(problem)
	}
	var lost wire.Lost
	r.must(json.Unmarshal(answer, &lost))
	got := ""
	for _, item := range lost.Items {
		got += fmt.Sprintf("%s %s %s %s %v\n", item.Header[wire.HeaderOp][0], item.Header[wire.HeaderKind][0], item.Outcome, item.Result, item.Undone)
	}
	if want := "T-0/debit/forward retriable succeeded {\"n\":1} true\nT-0/debit/backward compensatable succeeded  false\nT-1/debit/forward compensatable rejected  false\n"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	done := hello("two", 5)
	done.Replayed = &wire.Replayed{Done: 3}
	if w := r.greets(done); w.State != wire.WelcomeServe {
		t.Errorf("%+v", w)
	}
	r.says(r.hears("T-2/debit/forward", 1), saga.Rejected, mark("two", 6)...)
	r.reaches("T-2", saga.Compensated)
	if w := r.greets(hello("three", 4)); w.State != wire.WelcomeReplay { // a copy from amid the replay
		t.Errorf("%+v", w)
	}
	answer, problem = r.request(wire.VerbLost, `{"name":"A","session":"three"}`)
	if problem != nil || json.Unmarshal(answer, &lost) != nil || len(lost.Items) != 4 {
		t.Errorf("%s %v", answer, problem)
	}
}
