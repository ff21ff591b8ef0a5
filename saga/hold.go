package saga

import (
	"fmt"
	"strings"
)

// A hold (Try-Confirm-Cancel) is written as one step and runs as two: "<id>.try", undone by cancel, where
// it stands, and "<id>.confirm" after everything that can still be refused: it is the pivot, or a
// retriable step behind it.

// unheld says that the step is the confirm of a hold whose try was left out.
func (m *move) unheld(s *Step) bool {
	id, confirm := strings.CutSuffix(s.ID, confirmSuffix)
	if !confirm {
		return false
	}
	try, ok := m.Step(id + trySuffix)
	return ok && try.State == StepSkipped
}

// hold reads what makes two steps of a hold.
func (o object) hold(w *written) {
	for _, name := range []string{"confirm", "cancel"} {
		o.get(name, required)
	}
	w.Undo = o.operation("cancel", w.Timeout, w.Retry)
	w.Expires = o.duration("expires", 0)
	confirm := w.StepDefinition
	confirm.Undo, confirm.Expires, confirm.when = nil, 0, nil
	if c := o.operation("confirm", w.Timeout, w.Retry); c != nil {
		confirm.Action, confirm.Timeout, confirm.Retry = c.Action, c.Timeout, c.Retry
	}
	if kind, at := o.node.field("kind"); at && (confirm.Kind == Compensatable || confirm.Kind == Read) {
		o.refuse(kind, fmt.Sprintf("it is a hold, and its confirm cannot be %s", confirm.Kind), "write kind: pivot or retriable, or leave it out")
	}
	w.Kind = Compensatable
	w.confirm = &confirm
}
