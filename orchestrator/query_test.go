package orchestrator_test

import (
	"encoding/json"
	"fmt"
	"github.com/girohq/giro/internal/wire"
	"strings"
	"testing"

	"github.com/girohq/giro/orchestrator"
	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/saga"
)

// list asks for a page.
func (r *rig) list(request string, into any) {
	r.Helper()
	body, problem := r.request("list", request)
	if problem != nil {
		r.Fatal(problem)
	}
	r.must(json.Unmarshal(body, into))
}

func TestListPages(t *testing.T) {
	r := newRig(t).running()
	for i := range 25 {
		r.begin("transfer", fmt.Sprintf("T-%02d", i), transferInput(1))
	}
	var seen []string
	cursor := ""
	for {
		var page wire.List
		r.list(fmt.Sprintf(`{"limit":10,"cursor":%q,"state":"running","type":"transfer","since":"1h"}`, cursor), &page)
		for _, doc := range page.Items {
			seen = append(seen, doc.ID)
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if len(seen) != 25 || seen[0] != "T-24" || seen[24] != "T-00" {
		t.Errorf("%v", seen)
	}
	for _, bad := range []string{`{"limit":1001}`, `{"limit":-1}`, `{"state":"lost"}`, `{"since":"yesterday"}`, `{"cursor":"x"}`, `{"type":"a.b"}`} {
		if _, problem := r.request("list", bad); problem == nil || problem.Code != "invalid" {
			t.Errorf("%s: %+v", bad, problem)
		}
	}
}

func TestHistoryTellsEverything(t *testing.T) {
	r := newRig(t).running()
	r.begin("transfer", "T-1", transferInput(1))
	r.says(r.hears("T-1/debit/forward", 1), saga.Succeeded)
	r.says(r.hears("T-1/credit/forward", 1), saga.Rejected, "Saga-Error-Code", "account_closed")
	r.says(r.hears("T-1/debit/backward", 1), saga.Succeeded)
	r.reaches("T-1", saga.Compensated)
	body, problem := r.request("history", `{"id":"T-1"}`)
	if problem != nil {
		t.Fatal(problem)
	}
	var h wire.History
	r.must(json.Unmarshal(body, &h))
	got := ""
	for _, m := range h.Items {
		got += fmt.Sprintf("%s %s %s %s %v\n", m.Event, m.Step, m.Direction, m.Outcome, m.Lifecycle)
	}
	want := "started    [accepted]\nreplied debit forward succeeded []\nreplied credit forward rejected [compensating]\nreplied debit backward succeeded [compensated]\n"
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if _, problem := r.request("history", `{"id":"T-2"}`); problem == nil || problem.Status != 404 {
		t.Errorf("%+v", problem)
	}
}

// TestUnreadableSagaIsSuspendedByItself: the others of its batch go on.
func TestUnreadableSagaIsSuspendedByItself(t *testing.T) {
	r := newRig(t).running()
	r.begin("transfer", "bad", transferInput(1))
	r.begin("transfer", "good", transferInput(1))
	bad, good := r.hears("bad/debit/forward", 1), r.hears("good/debit/forward", 1)
	r.halt()
	db, err := outbox.Open(t.Context(), outbox.Config{Path: r.dir + "/orchestrator.db", Migrations: orchestrator.Migrations()})
	r.must(err)
	r.must(db.Write(t.Context(), func(tx outbox.Tx) error {
		_, err := tx.ExecContext(t.Context(), `UPDATE sagas SET data = CAST('{' AS BLOB) WHERE id = 'bad'`)
		return err
	}))
	r.must(db.Close())
	r.running()
	r.says(bad, saga.Succeeded)
	r.says(good, saga.Succeeded)
	r.eventually("credit of the good one", func() bool { return r.get("good").Steps[0].State == saga.StepSucceeded })
	if doc := r.reaches("bad", saga.Suspended); doc.Cause.Code != "unreadable" {
		t.Errorf("%+v", doc)
	}
}

func TestDefinitionsAreImmutable(t *testing.T) {
	r := newRig(t).running()
	one := `{"saga":"s","steps":[{"id":"a","participant":"P","action":"x"}]}`
	var applied wire.AppliedDefinition
	for _, created := range []bool{true, false} {
		body, problem := r.request("definitions.apply", one)
		if problem != nil {
			t.Fatal(problem)
		}
		applied = wire.AppliedDefinition{}
		r.must(json.Unmarshal(body, &applied))
		if applied.Created != created || applied.Name != "s" || applied.Version != 1 {
			t.Errorf("%+v", applied)
		}
	}
	if _, problem := r.request("definitions.apply", `{"saga":"s","steps":[{"id":"a","participant":"P","action":"y"}]}`); problem == nil || problem.Code != "conflict" {
		t.Errorf("%+v", problem)
	}
	if _, problem := r.request("definitions.apply", `{"saga":"s","stepz":[]}`); problem == nil || problem.Code != "invalid" {
		t.Errorf("%+v", problem)
	}
	body, problem := r.request("definitions.get", `{"name":"s"}`)
	if problem != nil {
		t.Fatal(problem)
	}
	def, err := saga.ParseJSON(body)
	r.must(err)
	if def.Digest() != applied.Digest {
		t.Errorf("%s %s", def.Digest(), applied.Digest)
	}
	var list wire.DefinitionList
	body, problem = r.request("definitions.list", "")
	if problem != nil {
		t.Fatal(problem)
	}
	r.must(json.Unmarshal(body, &list))
	if len(list.Items) != 2 || list.Items[1].Name != "transfer" {
		t.Errorf("%+v", list)
	}
}

// TestPagesFitTheBroker: a page ends before its answer becomes larger than a message can be.
func TestPagesFitTheBroker(t *testing.T) {
	r := newRig(t).running()
	r.apply(`{"saga":"large","steps":[{"id":"a","participant":"P","action":"x"}]}`)
	const n = 8
	for i := range n {
		r.begin("large", fmt.Sprintf("L-%d", i), `{"text":"`+strings.Repeat("x", 200<<10)+`"}`)
	}
	seen, pages, cursor := 0, 0, ""
	for {
		var page wire.List
		r.list(fmt.Sprintf(`{"cursor":%q}`, cursor), &page)
		seen, pages = seen+len(page.Items), pages+1
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if seen != n || pages < 2 {
		t.Errorf("%d sagas on %d pages", seen, pages)
	}
}
