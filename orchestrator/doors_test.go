package orchestrator_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/girohq/giro/saga"
	"github.com/nats-io/nats.go"
)

// TestOneSagaWhateverTheDoor starts the same saga five times through both doors at once.
func TestOneSagaWhateverTheDoor(t *testing.T) {
	r := newRig(t).running()
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() { r.begin("transfer", "T-1", transferInput(100)) })
		wg.Go(func() {
			_, err := r.js.PublishMsg(t.Context(), &nats.Msg{Subject: "saga.start.transfer.T-1", Data: []byte(transferInput(100))})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	r.begin("transfer", "T-2", transferInput(100)) // behind all of them
	r.hears("T-1/debit/forward", 1)
	r.hears("T-2/debit/forward", 1)
	var list struct{ Items []saga.Document }
	r.list(`{}`, &list)
	if len(list.Items) != 2 {
		t.Errorf("%d sagas, want 2", len(list.Items))
	}
}

// TestSameInputWrittenOtherwise: what counts is the JSON, not its spelling (RFC 8785).
func TestSameInputWrittenOtherwise(t *testing.T) {
	r := newRig(t).running()
	r.begin("transfer", "T-1", transferInput(100))
	spaced := `{ "currency":"EUR", "amount" : 100, "to":{"account":"2","bank":"B"}, "from":{"account":"1","bank":"A"} }`
	if doc := r.begin("transfer", "T-1", spaced); doc.ID != "T-1" {
		t.Error(doc)
	}
}

// TestOtherInputIsRefused at both doors; the saga goes on as it was.
func TestOtherInputIsRefused(t *testing.T) {
	r := newRig(t).running()
	r.begin("transfer", "T-1", transferInput(100))
	_, problem := r.request("start.transfer", transferInput(200), "Saga-Id", "T-1")
	if problem == nil || problem.Code != "conflict" || problem.Status != 422 {
		t.Errorf("%+v", problem)
	}
	_, err := r.js.Publish(t.Context(), "saga.start.transfer.T-1", []byte(transferInput(300)))
	r.must(err)
	letter := r.dead("start")
	if letter.Header.Get("Saga-Error-Code") != "conflict" || letter.Header.Get("Saga-Origin-Subject") != "saga.start.transfer.T-1" || letter.Header.Get("Saga-Origin-Seq") != "1" {
		t.Errorf("%v", letter.Header)
	}
	if got := string(r.get("T-1").Input); got != transferInput(100) {
		t.Error(got)
	}
}

// TestBadStarts: each is refused at both doors with a sentence that names the place, and starts nothing.
func TestBadStarts(t *testing.T) {
	r := newRig(t).running()
	deep := strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40)
	for name, tt := range map[string]struct {
		sagaType, id, input, code, says string
		status                          int
	}{
		"unknown type":   {"nothing", "X-1", `{}`, "not_found", `"nothing"`, 404},
		"id with a star": {"transfer", "X*1", transferInput(1), "invalid", "'*'", 422},
		"long id":        {"transfer", strings.Repeat("x", 100), transferInput(1), "invalid", "100 bytes", 422},
		"not JSON":       {"transfer", "X-2", `{"from":`, "invalid", "input", 400},
		"an array":       {"transfer", "X-3", `[]`, "invalid", "input", 400},
		"duplicate keys": {"transfer", "X-4", strings.Replace(transferInput(1), `"amount":1`, `"amount":1,"amount":2`, 1), "invalid", "amount", 400},
		"too deep":       {"transfer", "X-5", deep, "invalid", "32", 400},
		"huge":           {"transfer", "X-6", `{"a":"` + strings.Repeat("x", 260<<10) + `"}`, "invalid", "262144", 400},
		"float amount":   {"transfer", "X-7", strings.Replace(transferInput(1), `"amount":1`, `"amount":1.0`, 1), "invalid", "/amount", 422},
		"zero amount":    {"transfer", "X-8", transferInput(0), "invalid", "/amount", 422},
		"quoted amount":  {"transfer", "X-9", strings.Replace(transferInput(1), `"amount":1`, `"amount":"1"`, 1), "invalid", "/amount", 422},
		"missing field":  {"transfer", "X-10", `{"amount":1}`, "invalid", "from", 422},
	} {
		t.Run(name, func(t *testing.T) {
			r := &rig{T: t, conn: r.conn, js: r.js}
			_, problem := r.request("start."+tt.sagaType, tt.input, "Saga-Id", tt.id)
			if problem == nil || problem.Code != tt.code || problem.Status != tt.status {
				t.Fatalf("%+v", problem)
			}
			contains(t, problem.Detail, tt.says)
			if strings.ContainsAny(tt.id, "*") {
				return // no such subject can be published
			}
			subject := fmt.Sprintf("saga.start.%s.%s", tt.sagaType, tt.id)
			_, err := r.js.Publish(t.Context(), subject, []byte(tt.input))
			r.must(err)
			r.eventually("dead letter", func() bool { return r.dead("start").Header.Get("Saga-Origin-Subject") == subject })
			contains(t, r.dead("start").Header.Get("Saga-Error"), tt.says)
		})
	}
	var list struct{ Items []saga.Document }
	r.list(`{}`, &list)
	if len(list.Items) != 0 {
		t.Errorf("something was started: %+v", list.Items)
	}
	_, err := r.js.Publish(t.Context(), "saga.start.transfer.a.b", []byte(transferInput(1)))
	r.must(err)
	r.eventually("dead letter of an id with a dot", func() bool { return r.dead("start").Header.Get("Saga-Origin-Subject") == "saga.start.transfer.a.b" })
}

// TestStartHeaders: the id under either name, and what else a start can say.
func TestStartHeaders(t *testing.T) {
	r := newRig(t).running()
	if _, problem := r.request("start.transfer", transferInput(1), "Idempotency-Key", `"K-1"`); problem != nil {
		t.Error(problem)
	}
	if _, problem := r.request("start.transfer", transferInput(1), "Idempotency-Key", "K-1", "Saga-Id", "K-1"); problem != nil {
		t.Error(problem)
	}
	for name, headers := range map[string][]string{
		"no id":        {},
		"two ids":      {"Saga-Id", "A", "Idempotency-Key", "B"},
		"bad patience": {"Saga-Id", "A", "Prefer", "wait=long"},
		"bad version":  {"Saga-Id", "A", "Saga-Version", "latest"},
		"bad deadline": {"Saga-Id", "A", "Saga-Deadline", "tomorrow"},
	} {
		if _, problem := r.request("start.transfer", transferInput(1), headers...); problem == nil || problem.Code != "invalid" {
			t.Errorf("%s: %+v", name, problem)
		}
	}
	if _, problem := r.request("start.transfer", transferInput(1), "Saga-Id", "A", "Saga-Version", "7"); problem == nil || problem.Code != "not_found" {
		t.Errorf("%+v", problem)
	}
}

// TestPreferWait answers when the saga is terminal, or with the saga as it is when patience ends.
func TestPreferWait(t *testing.T) {
	r := newRig(t).running()
	body, problem := r.request("start.transfer", transferInput(1), "Saga-Id", "slow", "Prefer", "wait=1")
	if problem != nil || r.document(body).State != saga.Running {
		t.Errorf("%s %v", body, problem)
	}
	r.hears("slow/debit/forward", 1)
	go func() {
		r.says(r.hears("quick/debit/forward", 1), saga.Rejected, "Saga-Error-Code", "insufficient_funds")
	}()
	body, problem = r.request("start.transfer", transferInput(1), "Saga-Id", "quick", "Prefer", "wait=20")
	if problem != nil || r.document(body).State != saga.Compensated {
		t.Errorf("%s %v", body, problem)
	}
	body, problem = r.request("start.transfer", transferInput(1), "Saga-Id", "quick", "Prefer", "wait=20")
	if problem != nil || r.document(body).State != saga.Compensated {
		t.Errorf("repeated: %s %v", body, problem)
	}
}
