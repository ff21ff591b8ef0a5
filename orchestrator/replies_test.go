package orchestrator_test

import (
	"testing"

	"github.com/girohq/giro/saga"
)

// TestTransferCompletes is the straight way, as a participant sees it.
func TestTransferCompletes(t *testing.T) {
	r := newRig(t).running()
	r.begin("transfer", "T-1", transferInput(245200))
	debit := r.hears("T-1/debit/forward", 1)
	if debit.Subject != "saga.command.A.debit.1" || string(debit.Data) != `{"account":"1","amount":245200,"currency":"EUR"}` {
		t.Errorf("%s %s", debit.Subject, debit.Data)
	}
	r.says(debit, saga.Succeeded)
	r.says(r.hears("T-1/credit/forward", 1), saga.Succeeded)
	doc := r.reaches("T-1", saga.Completed)
	if doc.Finished == nil || len(doc.Steps) != 2 || doc.Steps[1].Participant != "B" || string(doc.Output) != "{}" {
		t.Errorf("%+v", doc)
	}
}

// TestRepliesRepeatedAndLate: only the first of each moves the saga.
func TestRepliesRepeatedAndLate(t *testing.T) {
	r := newRig(t).running()
	r.begin("transfer", "T-1", transferInput(1))
	debit := r.hears("T-1/debit/forward", 1)
	r.says(debit, saga.Succeeded)
	r.says(debit, saga.Succeeded)
	credit := r.hears("T-1/credit/forward", 1)
	r.says(debit, saga.Rejected)
	r.says(credit, saga.Succeeded)
	before := r.reaches("T-1", saga.Completed)
	r.says(credit, saga.Rejected)
	r.says(debit, saga.Retried)
	r.begin("transfer", "T-2", transferInput(1))
	r.says(r.hears("T-2/debit/forward", 1), saga.Rejected) // read behind them
	r.reaches("T-2", saga.Compensated)
	if after := r.get("T-1"); after.Updated.Time != before.Updated.Time || after.State != saga.Completed {
		t.Errorf("%+v", after)
	}
}

// TestRefusedPivotIsCompensated, with the cause in the document and the undo known to be needed.
func TestRefusedPivotIsCompensated(t *testing.T) {
	r := newRig(t).running()
	r.begin("transfer", "T-1", transferInput(1))
	r.says(r.hears("T-1/debit/forward", 1), saga.Succeeded)
	r.says(r.hears("T-1/credit/forward", 1), saga.Rejected, "Saga-Error-Code", "no_such_account", "Saga-Error", "who?")
	undo := r.hears("T-1/debit/backward", 1)
	if undo.Subject != "saga.command.A.refund.1" || undo.Header.Get("Saga-Known") != "succeeded" {
		t.Errorf("%s %v", undo.Subject, undo.Header)
	}
	r.says(undo, saga.Succeeded)
	doc := r.reaches("T-1", saga.Compensated)
	if doc.Cause == nil || *doc.Cause != (saga.Cause{Step: "credit", Kind: saga.CauseRejected, Code: "no_such_account", Message: "who?"}) {
		t.Errorf("%+v", doc.Cause)
	}
}

// TestRepliesOfOthers: another participant, another store, no reply at all. None moves the saga,
// and what is not a reply becomes a dead letter.
func TestRepliesOfOthers(t *testing.T) {
	r := newRig(t).running()
	r.begin("transfer", "T-1", transferInput(1))
	debit := r.hears("T-1/debit/forward", 1)
	r.says(debit, saga.Rejected, "subject", "saga.reply.EVIL.T-1")
	r.says(debit, saga.Rejected, "Saga-Origin", "another")
	contains(t, r.dead("reply").Header.Get("Saga-Error"), "another")
	r.says(debit, "nonsense")
	r.eventually("dead letter of nonsense", func() bool {
		return r.dead("reply").Header.Get("Saga-Error") != "" && r.get("T-1").State == saga.Running
	})
	r.says(debit, saga.Succeeded)
	r.hears("T-1/credit/forward", 1)
}

// TestRetryRepliesSpendAttempts: five retry replies leave a compensatable step unknown, and an
// unknown step is undone as if it had run: exhaustion is not a refusal.
func TestRetryRepliesSpendAttempts(t *testing.T) {
	r := newRig(t).running()
	r.apply(`{"saga":"hasty","steps":[
		{"id":"book","participant":"P","action":"book","undo":"cancel","retry":{"attempts":3,"backoff":"1ms"}},
		{"id":"pay","participant":"P","action":"pay"}]}`)
	r.begin("hasty", "H-1", `{}`)
	for attempt := 1; attempt <= 3; attempt++ {
		r.says(r.hears("H-1/book/forward", attempt), saga.Retried, "Saga-Error-Code", "busy")
	}
	undo := r.hears("H-1/book/backward", 1)
	if undo.Header.Get("Saga-Known") != "unknown" {
		t.Errorf("%v", undo.Header)
	}
	r.says(undo, saga.Succeeded)
	if doc := r.reaches("H-1", saga.Compensated); doc.Cause.Kind != saga.CauseExhausted || doc.Cause.Code != "busy" {
		t.Errorf("%+v", doc.Cause)
	}
}

// TestTraceIsPassedOn: every command of a saga carries the trace of its start.
func TestTraceIsPassedOn(t *testing.T) {
	r := newRig(t).running()
	const trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	if _, problem := r.request("start.transfer", transferInput(1), "Saga-Id", "T-1", "traceparent", trace); problem != nil {
		t.Fatal(problem)
	}
	for _, op := range []string{"T-1/debit/forward", "T-1/credit/forward"} {
		m := r.hears(op, 1)
		if got := m.Header["traceparent"]; len(got) != 1 || got[0] != trace {
			t.Errorf("%s carries %q", op, got)
		}
		r.says(m, saga.Succeeded)
	}
}
