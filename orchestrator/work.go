package orchestrator

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/saga"
)

// work is one thing for the loop: a start, an event for a saga, or a task of its own; with none it is a
// message that is only acknowledged in its turn. done is called once, after the commit that made it true,
// or when the work has failed.
type work struct {
	id    string
	begin *begin
	event saga.Event
	task  func(ctx context.Context, m *mover, tx outbox.Tx) error // may be run again; a *wire.Problem must come before it writes
	reply uint64                                                  // the stream sequence of the reply that brought the event; 0: none
	epoch uint64                                                  // of that sequence
	trace string                                                  // the reply's traceparent
	mark  wire.Mark                                               // of the reply; Commit 0: it has none
	again bool                                                    // the broker has delivered the reply before
	done  func(outcome)

	out   outcome
	stale bool // a reply that was not taken: it is not from the participant's database as it is now
}

// begin is a start that has passed every check that needs no transaction.
type begin struct {
	def      *saga.Definition
	input    json.RawMessage
	deadline time.Time
	start    time.Time // not before
	trace    string
	note     string // for the history
	bounded  bool   // it is refused where there is no room; the caller will repeat it
}

// asksFor says whether b is the start of this saga.
func (b *begin) asksFor(e *entry) bool {
	if !e.archived() {
		return b.same(e.in.Type, e.in.Input)
	}
	content, err := contentOf(b.def.Name, b.input)
	return err == nil && bytes.Equal(content, e.content)
}

// same says whether b asks for a saga of this type and input.
func (b *begin) same(sagaType string, input json.RawMessage) bool {
	return sagaType == b.def.Name && saga.SameJSON(input, b.input)
}

// outcome is what became of a work: the saga as it stands now, or why not.
type outcome struct {
	entry   *entry
	created bool  // the work began the saga; false for a repeated start
	err     error // a *wire.Problem when it is the caller's to mend
}

// finish tells whoever is waiting, if anybody.
func (w *work) finish() {
	if w.done != nil {
		w.done(w.out)
	}
}
