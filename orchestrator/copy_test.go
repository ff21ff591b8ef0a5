package orchestrator_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/orchestrator"
	"github.com/girohq/giro/saga"
	"github.com/nats-io/nats.go"
)

// copyDB copies the orchestrator's database as it is.
func (r *rig) copyDB() (path string) {
	r.Helper()
	path = filepath.Join(r.TempDir(), "copy.db")
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(r.dir, "orchestrator.db")+"?_busy_timeout=10000")
	r.must(err)
	defer db.Close()
	_, err = db.Exec(`VACUUM INTO ?`, path)
	r.must(err)
	return path
}

// restoreDB puts a copy in its place.
func (r *rig) restoreDB(copied string) {
	r.Helper()
	path := filepath.Join(r.dir, "orchestrator.db")
	for _, end := range []string{"-wal", "-shm"} {
		if err := os.Remove(path + end); err != nil && !os.IsNotExist(err) {
			r.Fatal(err)
		}
	}
	content, err := os.ReadFile(copied)
	r.must(err)
	r.must(os.WriteFile(path, content, 0o600))
}

func (r *rig) copyState() (c wire.Copy) {
	r.Helper()
	body, problem := r.request(wire.VerbCopy, "{}")
	if problem != nil {
		r.Fatal(problem)
	}
	r.must(json.Unmarshal(body, &c))
	return c
}

// acknowledges waits until every reply is acknowledged: none comes again.
func (r *rig) acknowledges() {
	r.Helper()
	stream, err := r.js.Stream(r.Context(), "SAGA_REPLIES")
	r.must(err)
	r.eventually("acknowledged", func() bool {
		consumers, left := stream.ListConsumers(r.Context()), uint64(0)
		for c := range consumers.Info() {
			left += c.NumPending + uint64(c.NumAckPending)
		}
		return consumers.Err() == nil && left == 0
	})
}

// hearsAll hears the first attempt of each of these, in any order and nothing else between.
func (r *rig) hearsAll(ops ...string) map[string]*nats.Msg {
	r.Helper()
	heard := make(map[string]*nats.Msg)
	for range ops {
		m := r.command("each of " + strings.Join(ops, ", "))
		heard[m.Header.Get(wire.HeaderOp)] = m
	}
	for _, op := range ops {
		if m := heard[op]; m == nil || m.Header.Get(wire.HeaderAttempt) != "1" {
			r.Fatalf("heard %v, want %v", slices.Collect(maps.Keys(heard)), ops)
		}
	}
	return heard
}

func (r *rig) commandsStored() uint64 {
	r.Helper()
	stream, err := r.js.Stream(r.Context(), "SAGA_COMMANDS")
	r.must(err)
	return stream.CachedInfo().State.LastSeq
}

// TestTheBrokerKnowsMore: an older copy sends nothing, takes starts, and refuses operators, until a person accepts
// it; once accepted it is not found again.
func TestTheBrokerKnowsMore(t *testing.T) {
	r := newRig(t).running()
	r.begin("transfer", "T-0", transferInput(1))
	first := r.hears("T-0/debit/forward", 1)
	copied := r.copyDB()
	r.says(first, saga.Succeeded)
	r.hears("T-0/credit/forward", 1)
	r.acknowledges() // else the copy gets the reply as well, and knows of the debit
	r.halt()
	r.restoreDB(copied)
	r.start(orchestrator.Config{})
	r.eventually("quarantined", func() bool {
		return strings.Contains(r.o.Health().Checks["copy"], "the broker has a command of revision 2 of saga T-0")
	})
	before := r.commandsStored()
	r.begin("transfer", "T-1", transferInput(1))
	if _, problem := r.request("cancel", `{"id":"T-0","reason":"a test"}`); problem == nil || problem.Code != wire.CodeUnavailable {
		t.Errorf("cancelled: %v", problem)
	}
	if doc := r.get("T-1"); doc.State != saga.Running || r.commandsStored() != before {
		t.Errorf("%d commands are stored, and there were %d: %+v", r.commandsStored(), before, doc)
	}
	r.halt()
	r.start(orchestrator.Config{}) // it is not forgotten
	r.eventually("answers", func() bool { return r.o.Health().Checks["streams"] == "ok" && r.o.Health().Checks["replies"] == "ok" })
	if c := r.copyState(); !c.Quarantined || c.Lost+c.Ahead != 0 {
		t.Errorf("%+v", c)
	}
	r.begin("transfer", "T-1", transferInput(1)) // again; it takes its time
	if n := r.commandsStored(); n != before {
		t.Errorf("after a restart %d commands are stored, and there were %d", n, before)
	}
	if _, problem := r.request(wire.VerbCopyAccept, `{"reason":"a test"}`); problem != nil {
		t.Fatal(problem)
	}
	again := r.hearsAll("T-0/debit/forward", "T-1/debit/forward") // in any order: they are sagas of their own
	r.says(again["T-0/debit/forward"], saga.Succeeded)
	r.hears("T-0/credit/forward", 1)
	r.halt()
	r.running()
	if c := r.copyState(); c.Quarantined {
		t.Errorf("found again: %+v", c)
	}
}

// TestAnAcceptedCopyIsNotFoundAgain, although what the broker has stays unknown.
func TestAnAcceptedCopyIsNotFoundAgain(t *testing.T) {
	r := newRig(t).running()
	copied := r.copyDB()
	r.begin("transfer", "T-0", transferInput(1))
	r.hears("T-0/debit/forward", 1)
	r.halt()
	r.restoreDB(copied)
	r.start(orchestrator.Config{})
	r.eventually("quarantined", func() bool { return r.o.Health().Checks["copy"] != "ok" })
	r.eventually("accepted", func() bool {
		answer, err := r.conn.Request("saga.api.v1."+wire.VerbCopyAccept, []byte(`{"reason":"a test"}`), patience)
		return err == nil && answer.Header.Get("Nats-Service-Error-Code") == ""
	})
	r.halt()
	r.running()
	if c := r.copyState(); c.Quarantined {
		t.Errorf("found again: %+v", c)
	}
}

// TestATellOfWhatWasNotSent: a participant that knows a step which was never sent from here shows an older copy;
// a start that is repeated gets the answers that were given to it.
func TestATellOfWhatWasNotSent(t *testing.T) {
	r := newRig(t).running()
	r.greets(hello("one", 0))
	r.begin("transfer", "T-0", transferInput(1))
	r.says(r.hears("T-0/debit/forward", 1), saga.Rejected, mark("one", 1)...)
	r.reaches("T-0", saga.Compensated)
	tell := func(rows string) {
		t.Helper()
		if _, problem := r.request(wire.VerbTell, `{"name":"A","session":"one","rows":[`+rows+`]}`); problem != nil {
			t.Fatal(problem)
		}
	}
	tell(`{"saga":"T-0","step":"debit","state":"rejected","outcome":"rejected","commit":1}`)
	if c := r.copyState(); c.Quarantined {
		t.Errorf("it was sent from here: %+v", c)
	}
	if _, problem := r.request(wire.VerbTell, `{"name":"A","session":"one","rows":[{"saga":"T-0","step":"debit","state":"undone","commit":1}]}`); problem == nil {
		t.Error("a row that contradicts itself was taken")
	}
	tell(`{"saga":"T-0","step":"credit","state":"succeeded","outcome":"succeeded","commit":2}`)
	if c := r.copyState(); !c.Quarantined || c.Lost != 0 || c.Ahead != 1 {
		t.Errorf("a step that was not sent from here: %+v", c)
	}
	tell(`{"saga":"T-9","step":"debit","state":"rejected","outcome":"rejected","code":"no_such_account","message":"no","commit":2}`)
	c := r.copyState()
	if !c.Quarantined || c.Lost != 1 || len(c.Sagas) != 2 || c.Sagas[1].Saga != "T-9" || c.Sagas[1].Known {
		t.Errorf("%+v", c)
	}
	r.begin("transfer", "T-9", transferInput(1))
	doc := r.reaches("T-9", saga.Compensated)
	if doc.Cause == nil || doc.Cause.Code != "no_such_account" {
		t.Errorf("%+v", doc)
	}
	if c = r.copyState(); c.Lost != 0 || c.Ahead != 1 {
		t.Errorf("%+v", c)
	}
	if _, problem := r.request(wire.VerbCopyAccept, `{"reason":"a test"}`); problem == nil || !strings.Contains(problem.Detail, "A: not heard of yet") {
		t.Errorf("accepted without A: %v", problem)
	}
	if _, problem := r.request(wire.VerbCopyAccept, `{"reason":"a test","force":true}`); problem != nil {
		t.Error(problem)
	}
}

// TestATellThatComesLate: what a participant had told when a person accepted is decided. What another of its
// processes tells, or what it did afterwards, is not.
func TestATellThatComesLate(t *testing.T) {
	for name, late := range map[string]struct {
		session string
		commit  int
		want    bool // it is quarantined once more
	}{"decided": {"one", 2, false}, "another process": {"two", 2, true}, "done since": {"one", 3, true}} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t).running()
			r.greets(hello("one", 0))
			tell := func(session string, commit int) {
				t.Helper()
				_, problem := r.request(wire.VerbTell, fmt.Sprintf(
					`{"name":"A","session":%q,"rows":[{"saga":"T-9","step":"debit","state":"succeeded","outcome":"succeeded","commit":%d}]}`, session, commit))
				if problem != nil {
					t.Fatal(problem)
				}
			}
			tell("one", 2)
			done := hello("one", 2)
			done.Told = true
			accepted := make(chan struct{})
			go func() {
				defer close(accepted)
				if _, problem := r.request(wire.VerbCopyAccept, `{"reason":"a test"}`); problem != nil {
					t.Error(problem)
				}
			}()
			r.eventually("accepted", func() bool {
				r.greets(done) // as it does when it is called
				select {
				case <-accepted:
					return true
				default:
					return false
				}
			})
			tell(late.session, late.commit)
			if c := r.copyState(); c.Quarantined != late.want {
				t.Errorf("%+v", c)
			}
		})
	}
}
