package orchestrator

import (
	"slices"
	"time"

	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/races"
	"go.opentelemetry.io/otel/trace"
)

// batch is what one transaction has changed, not yet true until it commits.
type batch struct {
	entries  map[string]*entry
	commands []outbox.Message
	released []string
	events   []lifecycle
	timers   []time.Time
	answered []answered
	raced    []races.Kind
	opened   int          // sagas that have begun
	closed   int          // and that have ended
	spans    []trace.Span // that end with the commit

	pausing map[string]*pause // begun in this batch
	reached map[*pause]int64  // the marks of pauses that are over
	then    []func()          // once it is committed

	members map[string]*member // as the batch has changed them
	heard   map[string]int64   // the highest commit number of each participant
}

// lifecycle is an event for the world: its number, and the saga as it stood.
type lifecycle struct {
	number int64
	name   string
	entry  *entry
}

type timerChange struct {
	changed bool
	at      time.Time
}

// release marks a row as released; if the batch has moved its saga before, it may have enqueued the row itself, and
// takes it back.
func (b *batch) release(op string, again bool) {
	if again {
		b.commands = slices.DeleteFunc(b.commands, func(m outbox.Message) bool { return m.Key == op })
	}
	b.released = append(b.released, op)
}
