package orchestrator_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/orchestrator"
	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/saga"
	"github.com/nats-io/nats.go"
)

// keeping starts an orchestrator that keeps finished sagas whole for an hour of its clock.
func (r *rig) keeping(c *virtualClock) *rig {
	r.Helper()
	r.start(orchestrator.Config{Now: c.Now, Jumped: c.jumped, Keep: time.Hour})
	r.eventually("ready", func() bool { return r.o.Health().Status == wire.HealthOK })
	return r
}

func newClock() *virtualClock {
	return &virtualClock{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), jumped: make(chan struct{}, 1)}
}

// completes carries out a transfer.
func (r *rig) completes(id string) {
	r.Helper()
	r.begin("transfer", id, transferInput(100))
	r.says(r.hears(id+"/debit/forward", 1), saga.Succeeded)
	r.says(r.hears(id+"/credit/forward", 1), saga.Succeeded)
	r.reaches(id, saga.Completed)
}

func (r *rig) archives(id string) saga.Document {
	r.Helper()
	var doc saga.Document
	r.eventually(id+" archived", func() bool {
		doc = r.get(id)
		return doc.Archived
	})
	return doc
}

func (r *rig) isWhole(ids ...string) {
	r.Helper()
	for _, id := range ids {
		if doc := r.get(id); doc.Archived || len(doc.Steps) == 0 || len(doc.Input) == 0 {
			r.Errorf("it is not whole: %+v", doc)
		}
	}
}

// archivesMore waits until the archiver has looked at everything that is due: a saga that is accepted and ended now
// is archived.
func (r *rig) archivesMore(c *virtualClock, id string) {
	r.Helper()
	r.refuses(id)
	r.refuses(id + "-last") // the newest always stays
	c.set(2 * time.Hour)
	r.archives(id)
}

// refuses carries out a transfer that comes to nothing.
func (r *rig) refuses(id string) {
	r.Helper()
	r.begin("transfer", id, transferInput(100))
	r.says(r.hears(id+"/debit/forward", 1), saga.Rejected)
	r.reaches(id, saga.Compensated)
}

// TestArchive: a saga that ended long ago is known for ever by its id, whatever the door; those that live, or have just
// ended, are not touched.
func TestArchive(t *testing.T) {
	c := newClock()
	r := newRig(t).keeping(c)
	r.begin("transfer", "T-live", transferInput(100))
	live := r.hears("T-live/debit/forward", 1)
	r.begin("transfer", "T-1", transferInput(100))
	debit := r.hears("T-1/debit/forward", 1)
	r.says(debit, saga.Succeeded)
	r.says(r.hears("T-1/credit/forward", 1), saga.Succeeded)
	before := r.reaches("T-1", saga.Completed)
	r.refuses("T-2")
	c.set(2 * time.Hour)
	r.completes("T-new")
	doc := r.archives("T-1")
	r.archives("T-2")
	if doc.State != saga.Completed || doc.Type != "transfer" || doc.Version != 1 || !doc.Created.Equal(before.Created.Time) || !doc.Finished.Equal(before.Finished.Time) {
		t.Errorf("%+v, and it was %+v", doc, before)
	}
	r.isWhole("T-live", "T-new")
	r.knowsArchived()

	r.says(debit, saga.Succeeded) // once more, long after
	r.says(live, saga.Succeeded)
	r.says(r.hears("T-live/credit/forward", 1), saga.Succeeded) // nothing was sent between
	r.reaches("T-live", saga.Completed)
	r.apply(idle)
	r.begin("idle", "I-1", `{}`)
	c.set(2 * time.Hour)
	r.archives("T-live") // whose command is the last one that the broker has
	r.halt()
	r.running() // without Keep
	r.knowsArchived()
}

// knowsArchived asks for T-1, which was completed and is archived, in every way.
func (r *rig) knowsArchived() {
	r.Helper()
	if doc := r.begin("transfer", "T-1", strings.Replace(transferInput(100), ":", " : ", 1)); !doc.Archived || doc.State != saga.Completed {
		r.Errorf("repeated: %+v", doc)
	}
	body, problem := r.request("start.transfer", transferInput(100), "Saga-Id", "T-1", "Prefer", "wait=10")
	if problem != nil || !r.document(body).Archived {
		r.Errorf("repeated, to wait for it: %s %v", body, problem)
	}
	if _, problem := r.request("start.transfer", transferInput(200), "Saga-Id", "T-1"); problem == nil || problem.Code != wire.CodeConflict || problem.Status != 422 {
		r.Errorf("other input: %v", problem)
	}
	r.apply(`{"saga":"other","steps":[{"id":"a","participant":"P","action":"a"}]}`)
	if _, problem := r.request("start.other", transferInput(100), "Saga-Id", "T-1"); problem == nil || problem.Code != wire.CodeConflict {
		r.Errorf("other type: %v", problem)
	}
	if _, problem := r.request("history", `{"id":"T-1"}`); problem == nil || problem.Code != wire.CodeNotFound || !strings.Contains(problem.Detail, "is archived: it was completed at 2026-01-02") {
		r.Errorf("history: %v", problem)
	}
	for verb, body := range map[string]string{"cancel": `"reason":"x"`, "retry": `"reason":"x"`, "skip": `"reason":"x","step":"debit"`, "resolve": `"reason":"x","step":"debit"`,
		"abandon": `"reason":"x"`, "signal": `"name":"x"`, "pause": `"reason":"x"`} {
		if _, problem := r.request(verb, `{"id":"T-1",`+body+`}`); problem == nil || problem.Code != wire.CodeConflict || !strings.Contains(problem.Detail, "the saga is completed") {
			r.Errorf("%s: %v", verb, problem)
		}
	}
	var list struct{ Items []saga.Document }
	r.list(`{"state":"completed"}`, &list)
	for _, doc := range list.Items {
		if doc.ID == "T-1" {
			r.Error("it is listed")
		}
	}
	for _, amount := range []int{100, 300} {
		_, err := r.js.PublishMsg(r.Context(), &nats.Msg{Subject: "saga.start.transfer.T-1", Data: []byte(transferInput(amount))})
		r.must(err)
	}
	letter := r.dead("start")
	if letter.Header.Get("Saga-Error-Code") != "conflict" || string(letter.Data) != transferInput(300) {
		r.Errorf("%s %v", letter.Data, letter.Header)
	}
}

// idle is a saga that sends nothing.
const idle = `{"saga":"idle","steps":[{"id":"a","participant":"P","action":"a","when":"${false}"}]}`

// TestArchiveGivesSpaceBack: the pages go, then the file becomes shorter; numbers of events are never given twice.
func TestArchiveGivesSpaceBack(t *testing.T) {
	const sagas = 600
	c := newClock()
	r := newRig(t).keeping(c)
	r.apply(idle)
	input := fmt.Sprintf(`{"what":%q}`, strings.Repeat("x", 2000))
	for i := range sagas {
		r.begin("idle", fmt.Sprintf("I-%d", i), input)
	}
	space := func() outbox.Space {
		t.Helper()
		s, err := r.db.Space(t.Context())
		r.must(err)
		return s
	}
	before := space()
	last := r.lastEvent()
	c.set(2 * time.Hour)
	r.eventually("archived", func() bool { return r.countOf("sagas") == 1 })
	r.counts(sagas-1, "giro_sagas_archived_total")
	r.eventually("given back", func() bool { s := space(); return s.Pages < before.Pages/3 && s.Free < s.Pages/5 })
	after := space()
	if used := after.Pages - after.Free; r.countOf("archived") != sagas-1 || used*4 > before.Pages {
		t.Errorf("%d are archived; %+v, and it was %+v", r.countOf("archived"), after, before)
	}
	if _, problem := r.request("start.idle", `{"what":""}`, "Saga-Id", "I-0"); problem == nil {
		t.Error("begun again")
	}
	r.begin("idle", "I-new", input)
	if now := r.lastEvent(); now <= last {
		t.Errorf("the new saga's last event is %d, and there was %d", now, last)
	}
	r.eventually("the file is shorter", func() bool {
		info, err := os.Stat(filepath.Join(r.dir, "orchestrator.db"))
		r.must(err)
		return info.Size() < before.Pages*before.Page/2
	})
}

func (r *rig) countOf(table string) (n int) {
	r.Helper()
	r.must(r.db.Read().Get(&n, `SELECT count(*) FROM `+table))
	return n
}

func (r *rig) lastEvent() (n int64) {
	r.Helper()
	r.must(r.db.Read().Get(&n, `SELECT max(seq) FROM history`))
	return n
}

// TestArchiveOfParents: a saga stays as long as its child lives, and a child as long as its parent is there.
func TestArchiveOfParents(t *testing.T) {
	c := newClock()
	r := newRig(t).keeping(c)
	r.apply(`{"saga":"stay","steps":[{"id":"room","participant":"P","action":"book"}]}`)
	r.apply(`{"saga":"tour","steps":[
		{"id":"stay","run":{"saga":"stay","input":{}}},
		{"id":"thank","kind":"retriable","participant":"P","action":"thank"}]}`)
	begin := func(id string) (child string, thank *nats.Msg) {
		t.Helper()
		r.begin("tour", id, `{}`)
		child = r.get(id).Steps[0].Saga
		r.says(r.hears(child+"/room/forward", 1), saga.Succeeded)
		return child, r.hears(id+"/thank/forward", 1)
	}
	child1, thank := begin("C-1")
	r.says(thank, saga.Succeeded)
	r.reaches("C-1", saga.Completed)
	child2, thank := begin("C-2")
	r.reaches(child2, saga.Completed)
	r.archivesMore(c, "T-1")
	r.archives("C-1")
	r.archives(child1)
	r.isWhole("C-2", child2)
	if _, problem := r.request("start.stay", `{"other":1}`, "Saga-Id", child1); problem == nil || problem.Code != wire.CodeConflict {
		t.Errorf("the id of an archived child was taken: %v", problem)
	}
	r.says(thank, saga.Succeeded)
	r.reaches("C-2", saga.Completed)
	r.archivesMore(c, "T-2")
	r.archives("C-2")
	r.archives(child2)
}

// TestArchiveLeavesWhatIsNeeded: what the broker has not got, what a person has settled, and what participants know more
// of stays as it is.
func TestArchiveLeavesWhatIsNeeded(t *testing.T) {
	c := newClock()
	r := newRig(t).keeping(c)
	r.apply(`{"saga":"silent","steps":[{"id":"book","participant":"P","action":"book","undo":"cancel"},{"id":"pay","participant":"P","action":"pay"}]}`)
	r.begin("silent", "by-hand", `{}`)
	r.hears("by-hand/book/forward", 1)
	r.verb("resolve", `{"id":"by-hand","step":"book","reason":"by phone","force":true}`)
	r.says(r.hears("by-hand/pay/forward", 1), saga.Succeeded)
	r.reaches("by-hand", saga.Completed)
	r.completes("strayed")
	r.must(r.db.Write(t.Context(), func(tx outbox.Tx) error {
		_, err := tx.ExecContext(t.Context(), `INSERT INTO strays (saga, step, participant, state, backward, outcome, code, message, committed)
			VALUES ('strayed', 'other', 'A', 'succeeded', 0, 'succeeded', '', '', 1)`)
		return err
	}))
	r.archivesMore(c, "T-1")
	r.isWhole("by-hand", "strayed")
}

// TestKeepIsNotNegative: an orchestrator that would archive what has not ended yet is not made.
func TestKeepIsNotNegative(t *testing.T) {
	r := newRig(t).running()
	if _, err := orchestrator.New(t.Context(), orchestrator.Config{DB: r.db, Conn: r.own, Keep: -time.Second}); err == nil || !strings.Contains(err.Error(), "Keep is negative") {
		t.Errorf("%v", err)
	}
}
