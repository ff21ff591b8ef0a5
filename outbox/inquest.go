package outbox

import (
	"context"
	"time"
)

// askAgain is the pause after the gate had an error.
const askAgain = time.Second

// notice is an attempt whose timeout has passed.
type notice struct {
	row   *row
	epoch int
}

// inquest holds silent attempts until the gate says that nothing unread could answer them. The
// gate may take long, so it is asked beside Run; at most one question is open. Only Run's
// goroutine uses an inquest.
type inquest struct {
	gate   func(context.Context) error
	answer chan error // to the question that is open

	asked   []notice // fell silent before the open question was put
	silent  []notice // fell silent later, or the gate had an error
	open    bool
	earlier time.Time // ask not before
}

func newInquest(gate func(context.Context) error) *inquest {
	if gate == nil {
		gate = func(context.Context) error { return nil }
	}
	return &inquest{gate: gate, answer: make(chan error, 1)}
}

// ask adds notices and puts the question if none is open.
func (q *inquest) ask(ctx context.Context, more []notice) {
	q.silent = append(q.silent, more...)
	if q.open || len(q.silent) == 0 || time.Now().Before(q.earlier) {
		return
	}
	q.open = true
	q.asked, q.silent = q.silent, nil
	go func() { q.answer <- q.gate(ctx) }()
}

// take closes the question and returns what may be reported.
func (q *inquest) take(err error) []notice {
	asked := q.asked
	q.open, q.asked = false, nil
	if err != nil {
		q.silent = append(asked, q.silent...)
		q.earlier = time.Now().Add(askAgain)
		return nil
	}
	return asked
}

// again is when the next question may be put; zero: there is none to put.
func (q *inquest) again() time.Time {
	if q.open || len(q.silent) == 0 {
		return time.Time{}
	}
	return q.earlier
}

// wait ends with the open question. Its context is over by then.
func (q *inquest) wait() {
	if q.open {
		<-q.answer
	}
}
