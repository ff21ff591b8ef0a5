package torture

import (
	"fmt"
	"sync"
	"time"

	"github.com/girohq/giro/client"
	"github.com/girohq/giro/internal/witness"
	"github.com/girohq/giro/saga"
)

// book is what customers were told, in memory as on the disk, and what is wrong with it.
type book struct {
	log      *witness.Log
	timeline *timeline

	mu         sync.Mutex
	transfers  map[string]*transfer
	window     bool // a fault strikes, or all is not well yet
	told       Told
	violations []Violation
	err        error // of the log
}

// Told counts the requests of customers by what came of them.
type Told struct {
	Starts    int `json:"starts"`
	Gets      int `json:"gets"`
	Unknown   int `json:"unknown"` // no answer came
	NotFound  int `json:"not_found"`
	Conflicts int `json:"conflicts"`
}

func newBook(log *witness.Log) *book {
	return &book{log: log, timeline: newTimeline(), transfers: make(map[string]*transfer)}
}

// add takes a transfer in before it is asked for.
func (b *book) add(t *transfer) *transfer {
	b.mu.Lock()
	defer b.mu.Unlock()
	t.asked, t.struck = time.Now(), b.window
	b.transfers[t.ID] = t
	b.timeline.asked()
	return t
}

// striking says whether faults strike now.
func (b *book) striking(now bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.window = now
}

const maxViolations = 100

// The audit judges I1 to I10 and I12, by the databases and by the log, but that nobody has asked for a
// saga; that and the rest are judged here.
const (
	acceptedIsKept = "I1"       // what was accepted exists
	nobodyAsked    = "I9"       // nothing is there that nobody asked for
	wrongAnswer    = "I10"      // one id is one saga, for ever
	oneOwner       = "I11"      // two processes never own one directory
	wrongOrder     = "I12"      // what a client has seen is never taken back
	restored       = "restored" // an older copy is noticed before it serves
	recovery       = "recovery" // all is well again in time, and nobody has to do anything
)

// note writes a line to the log. Nobody may act upon an answer before that.
func (b *book) note(t *transfer, line witness.Line, doc *saga.Document) {
	err := b.log.Write(line)
	b.mu.Lock()
	defer b.mu.Unlock()
	if err != nil && b.err == nil {
		b.err = fmt.Errorf("log of the customers: %w", err)
	}
	b.tally(line)
	switch line.Answer {
	case witness.Accepted, witness.State:
		b.see(t, doc)
	case witness.Refused:
		b.violate(wrongAnswer, t.ID, "a start that is right was refused")
	}
}

func (b *book) tally(line witness.Line) {
	if line.Op == witness.OpStart {
		b.told.Starts++
	} else {
		b.told.Gets++
	}
	switch line.Answer {
	case witness.Unknown, witness.NotNow:
		b.told.Unknown++
	case witness.NotFound:
		b.told.NotFound++
	case witness.Conflict:
		b.told.Conflicts++
	}
}

// see takes in a state that was told.
func (b *book) see(t *transfer, doc *saga.Document) {
	if !t.Accepted {
		t.Accepted = true
		b.timeline.accepted(time.Since(t.asked))
	}
	if doc.State.Terminal() && !t.State.Terminal() {
		b.timeline.ended(time.Since(t.asked))
		if doc.State == saga.Completed && t.doomed {
			b.violate("I6", t.ID, "it is completed, and cannot be")
		}
	}
	t.State, t.cause = doc.State, doc.Cause
}

func (b *book) violate(invariant, id, format string, a ...any) {
	if len(b.violations) < maxViolations {
		b.violations = append(b.violations, Violation{Invariant: invariant, Saga: id, Detail: fmt.Sprintf(format, a...)})
	}
}

// wrong notes what is wrong with no transfer in particular.
func (b *book) wrong(v Violation) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.violate(v.Invariant, v.Saga, "%s", v.Detail)
}

// unasked finds sagas that no customer has asked for. Only here that is wrong: the audit cannot know whether a
// log of clients is of all of them. The lock must be held.
func (b *book) unasked(ids []string) {
	for _, id := range ids {
		if b.transfers[id] == nil {
			b.violate(nobodyAsked, id, "there is a saga that nobody has asked for")
		}
	}
}

// open lists what was accepted, or may have been, and has not ended. A part of those that have ended comes
// too: they are asked for once more.
func (b *book) open() []*transfer {
	b.mu.Lock()
	defer b.mu.Unlock()
	var list []*transfer
	n := 0
	for _, t := range b.transfers {
		n++
		if !t.ended() || n%10 == 0 {
			list = append(list, t)
		}
	}
	return list
}

// answerTo says what a request came to.
func answerTo(op string, err error) string {
	p := problemOf(err)
	switch {
	case err == nil && op == witness.OpStart:
		return witness.Accepted
	case err == nil:
		return witness.State
	case p == nil:
		return witness.Unknown
	case p.Code == client.CodeNotFound && op == witness.OpGet:
		return witness.NotFound
	case p.Code == client.CodeConflict:
		return witness.Conflict
	case p.Code == client.CodeUnavailable && op == witness.OpGet:
		return witness.NotNow
	case p.Code == client.CodeUnavailable: // an earlier try of the same start may have come through
		return witness.Unknown
	}
	return witness.Refused
}

// count is how many transfers were asked for.
func (b *book) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.transfers)
}
