package orchestrator_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/saga"
)

func (r *rig) memberA() wire.Member {
	r.Helper()
	body, problem := r.request(wire.VerbRoll, `{}`)
	if problem != nil {
		r.Fatal(problem)
	}
	var roll wire.Roll
	r.must(json.Unmarshal(body, &roll))
	return roll.Items[0]
}

// refusedBy has participant A refuse a transfer, with a commit of a session.
func (r *rig) refusedBy(id, session string, commit int) {
	r.Helper()
	r.begin("transfer", id, transferInput(1))
	r.says(r.hears(id+"/debit/forward", 1), saga.Rejected, mark(session, commit)...)
	r.reaches(id, saga.Compensated)
}

// TestACopyFromBeforeTheArchive: what it lacks cannot all be done again. It waits for a newer copy, which is replayed, or
// for a person to accept it. Nothing is archived meanwhile.
func TestACopyFromBeforeTheArchive(t *testing.T) {
	c := newClock()
	r := newRig(t).keeping(c)
	r.greets(hello("one", 0))
	r.refusedBy("T-1", "one", 1)
	r.refusedBy("T-2", "one", 2)
	c.set(2 * time.Hour)
	r.refusedBy("T-3", "one", 3)
	r.refusedBy("T-4", "one", 4)
	r.archives("T-1")
	r.archives("T-2")

	if w := r.greets(hello("two", 1)); w.State != wire.WelcomeWait {
		t.Fatalf("%+v", w)
	}
	m := r.memberA()
	contains(t, m.Cause, "with 1 commits of 4, and what it answered up to commit 2 is archived")
	contains(t, m.Cause, "Put a newer copy in its place, or accept the loss")
	if m.State != wire.MemberTooOld {
		t.Errorf("%+v", m)
	}
	if _, problem := r.request(wire.VerbReplay, `{"name":"A","reason":"a test"}`); problem == nil || problem.Code != wire.CodeConflict {
		t.Errorf("replayed: %v", problem)
	}
	c.set(2 * time.Hour)
	looked := r.db.Commits() + 2 // the archiver asks in vain
	r.eventually("it is looked for what can be archived", func() bool { return r.db.Commits() >= looked })
	r.isWhole("T-3")

	if w := r.greets(hello("three", 2)); w.State != wire.WelcomeReplay {
		t.Fatalf("a newer copy: %+v, %+v", w, r.memberA())
	}
	if got := r.lostOps("three"); got != "T-3/debit/forward T-4/debit/forward " {
		t.Errorf("what it lacks: %s", got)
	}
	if w := r.greets(hello("four", 0)); w.State != wire.WelcomeWait {
		t.Errorf("an older one in the midst of it: %+v", w)
	}
	if _, problem := r.request(wire.VerbAccept, `{"name":"A","reason":"a test"}`); problem != nil {
		t.Fatal(problem)
	}
	if w := r.greets(hello("four", 0)); w.State != wire.WelcomeServe || w.Ahead != 4 {
		t.Errorf("accepted: %+v", w)
	}
	r.begin("transfer", "T-5", transferInput(1))
	lost := r.hears("T-5/debit/forward", 1)
	r.says(lost, saga.Rejected, mark("one", 4)...) // of the database that is lost
	r.refusedBy("T-6", "four", 5)
	if doc := r.get("T-5"); doc.State != saga.Running {
		t.Errorf("%+v", doc)
	}
	r.archives("T-3")
}

// TestATooOldCopyIsAccepted: what is still in the stream of the database that is lost is not taken, neither before that
// nor after.
func TestATooOldCopyIsAccepted(t *testing.T) {
	c := newClock()
	r := newRig(t).keeping(c)
	r.greets(hello("one", 0))
	r.refusedBy("T-1", "one", 1)
	r.greets(hello("one-more", 1))
	r.refusedBy("T-2", "one-more", 2)
	c.set(2 * time.Hour)
	r.archives("T-1")
	r.begin("transfer", "T-3", transferInput(1))
	r.begin("transfer", "T-4", transferInput(1))
	third, fourth := r.hears("T-3/debit/forward", 1), r.hears("T-4/debit/forward", 1)
	if w := r.greets(hello("two", 0)); w.State != wire.WelcomeWait {
		t.Fatalf("%+v", w)
	}
	r.says(third, saga.Rejected, mark("one", 1)...)
	r.passesElsewhere("T-5")
	if _, problem := r.request(wire.VerbAccept, `{"name":"A","reason":"a test"}`); problem != nil {
		t.Fatal(problem)
	}
	if w := r.greets(hello("two", 0)); w.State != wire.WelcomeServe {
		t.Fatalf("%+v", w)
	}
	r.says(fourth, saga.Rejected, mark("one-more", 2)...)
	r.passesElsewhere("T-6")
	for _, id := range []string{"T-3", "T-4"} {
		if doc := r.get(id); doc.State != saga.Running {
			t.Errorf("the answer of a lost database was taken: %+v", doc)
		}
	}
}

// passesElsewhere carries out a saga of another participant: replies before its own are read then.
func (r *rig) passesElsewhere(id string) {
	r.Helper()
	r.begin("transfer", id, strings.Replace(transferInput(1), `"A"`, `"C"`, 1))
	r.says(r.nextOf(id+"/debit/forward"), saga.Rejected)
	r.reaches(id, saga.Compensated)
}

// lostOps are the operations that a participant is told to do again.
func (r *rig) lostOps(session string) (ops string) {
	r.Helper()
	answer, problem := r.request(wire.VerbLost, fmt.Sprintf(`{"name":"A","session":%q}`, session))
	if problem != nil {
		r.Fatal(problem)
	}
	var lost wire.Lost
	r.must(json.Unmarshal(answer, &lost))
	for _, item := range lost.Items {
		ops += item.Header[wire.HeaderOp][0] + " "
	}
	return ops
}

// TestArchivedAnswersWithoutNumbers: those from before a participant had numbers count for every copy that may lack
// them. What is archived is known when the participant tells it.
func TestArchivedAnswersWithoutNumbers(t *testing.T) {
	c := newClock()
	r := newRig(t).keeping(c)
	r.refuses("T-0")
	r.greets(hello("one", 7))
	r.archivesMore(c, "T-1")
	r.archives("T-0")
	if _, problem := r.request(wire.VerbTell, `{"name":"A","session":"one","rows":[{"saga":"T-0","step":"debit","state":"rejected","outcome":"rejected","commit":8}]}`); problem != nil {
		t.Fatal(problem)
	}
	if c := r.copyState(); c.Quarantined || c.Lost+c.Ahead > 0 {
		t.Errorf("an archived saga is taken for a lost one: %+v", c)
	}
	r.halt()
	r.keeping(c)
	if w := r.greets(hello("two", 6)); w.State != wire.WelcomeWait {
		t.Errorf("%+v", w)
	}
	other := hello("three", 6)
	other.Store = "anotherstoreanot"
	r.greets(other)
	if m := r.memberA(); m.State != wire.MemberForeign {
		t.Errorf("%+v", m)
	}
	if _, problem := r.request(wire.VerbReplay, `{"name":"A","reason":"a test"}`); problem == nil || problem.Code != wire.CodeConflict {
		t.Errorf("another database is replayed: %v", problem)
	}
	if w := r.greets(hello("four", 8)); w.State != wire.WelcomeServe {
		t.Errorf("the right one: %+v", w)
	}
}
