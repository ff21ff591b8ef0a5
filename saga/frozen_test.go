package saga

import (
	"testing"
	"time"
)

// A later attempt has the headers of the first, whatever has moved since, such as the time since which a
// hold is asked for by a person's retry. Only a pause moves the times that a command carries, on its row
// as on its later attempts.
func TestLaterAttemptIsFrozen(t *testing.T) {
	def := featureDefinition(t, "frozen", `
  - {id: h, participant: h, try: try, confirm: confirm, cancel: cancel, expires: 5m, RETRY}
  - {id: a, participant: a, action: do, undo: undo, RETRY}`)
	in, effects := Transition(def, Instance{}, eventNamed(t, def, Instance{}, "start"))
	first := sent(t, effects)
	in, effects = Transition(def, in, eventNamed(t, def, in, "h.try postponed"))
	extend, ok := effects[0].(Extend)
	if !ok || extend.Deadline != time.Hour || extend.Expires != 0 {
		t.Fatalf("%s", effectsOf(effects))
	}
	first.Deadline = first.Deadline.Add(extend.Deadline)
	in, _ = Transition(def, in, eventNamed(t, def, in, "h.try forward conflict"))
	in, effects = Transition(def, in, Resumed{At: testStart.Add(time.Hour / 2), Reason: "look again"})
	second := sent(t, effects)
	if second.Attempt != 2 || !second.Deadline.Equal(first.Deadline) || !second.Expires.Equal(first.Expires) || first.Expires.IsZero() {
		t.Errorf("sent %+v, then %+v", first, second)
	}
	_, effects = Transition(def, in, eventNamed(t, def, in, "h.try forward succeeded"))
	if next := sent(t, effects); !next.Deadline.Equal(first.Deadline) {
		t.Errorf("the next step has the deadline %s, and the saga's is %s", next.Deadline, first.Deadline)
	}
}

func sent(t *testing.T, effects []Effect) Command {
	t.Helper()
	for _, e := range effects {
		if send, ok := e.(Send); ok {
			return send.Command
		}
	}
	t.Fatalf("nothing was sent: %s", effectsOf(effects))
	return Command{}
}
