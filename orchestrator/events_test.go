package orchestrator_test

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/girohq/giro/saga"
	"github.com/nats-io/nats.go"
)

// TestLifecycleEvents: accepted, compensating, compensated, each with the saga as it stood and the
// orchestrator's own number.
func TestLifecycleEvents(t *testing.T) {
	r := newRig(t).running()
	events := make(chan *nats.Msg, 16)
	sub, err := r.conn.ChanSubscribe("saga.event.>", events)
	r.must(err)
	defer func() { r.must(sub.Unsubscribe()) }()
	r.must(r.conn.Flush())
	r.begin("transfer", "T-1", transferInput(1))
	r.says(r.hears("T-1/debit/forward", 1), saga.Succeeded)
	r.says(r.hears("T-1/credit/forward", 1), saga.Rejected)
	r.says(r.hears("T-1/debit/backward", 1), saga.Succeeded)
	var got []string
	for len(got) < 3 {
		m := <-events
		var doc saga.Document
		r.must(json.Unmarshal(m.Data, &doc))
		got = append(got, strings.TrimPrefix(m.Subject, "saga.event.transfer.T-1.")+" "+string(doc.State))
		if m.Header.Get("Saga-Event") == "" {
			t.Errorf("no number: %v", m.Header)
		}
	}
	if want := "accepted running,compensating compensating,compensated compensated"; strings.Join(got, ",") != want {
		t.Errorf("%v", got)
	}
}

// TestEventsAreMadeUpFor: those the broker did not take are published when it does.
func TestEventsAreMadeUpFor(t *testing.T) {
	r := newRig(t).running()
	r.must(r.js.DeleteStream(r.Context(), "SAGA_EVENTS"))
	r.begin("transfer", "T-1", transferInput(1))
	r.eventually("accepted event in the stream", func() bool {
		stream, err := r.js.Stream(t.Context(), "SAGA_EVENTS")
		if err != nil {
			return false
		}
		_, err = stream.GetLastMsgForSubject(t.Context(), "saga.event.transfer.T-1.accepted")
		return err == nil
	})
}

// TestAnEventThatIsTooLarge is told without the bodies; those after it are told too.
func TestAnEventThatIsTooLarge(t *testing.T) {
	r := newRig(t).running()
	r.apply(`{"saga":"big","steps":[
		{"id":"a","participant":"P","action":"a","undo":"u"},{"id":"b","participant":"P","action":"a","undo":"u"},
		{"id":"c","participant":"P","action":"a","undo":"u"},{"id":"d","participant":"P","action":"a","undo":"u"},
		{"id":"e","participant":"P","action":"a"}]}`)
	r.begin("big", "L-1", `{}`)
	body := `{"x":"` + strings.Repeat("x", 250<<10) + `"}`
	for _, step := range []string{"a", "b", "c", "d", "e"} {
		r.says(r.hears("L-1/"+step+"/forward", 1), saga.Succeeded, "body", body)
	}
	r.eventually("all events published", func() bool {
		var last, mark string
		r.must(r.db.Read().GetContext(t.Context(), &last, `SELECT coalesce(max(seq), 0) FROM history WHERE event LIKE '%completed%'`))
		_ = r.db.Read().GetContext(t.Context(), &mark, `SELECT value FROM meta WHERE key = 'events_published'`)
		n, _ := strconv.Atoi(last)
		m, _ := strconv.Atoi(mark)
		return n > 0 && m >= n
	})
	stream, err := r.js.Stream(t.Context(), "SAGA_EVENTS")
	r.must(err)
	m, err := stream.GetLastMsgForSubject(t.Context(), "saga.event.big.L-1.completed")
	r.must(err)
	if doc := r.document(m.Data); doc.State != saga.Completed || len(doc.Steps) != 5 || doc.Steps[0].State != saga.StepSucceeded {
		t.Errorf("%s", m.Data)
	}
}
