package saga

import (
	"strings"

	"github.com/google/go-cmp/cmp"
)

// extend: the times that a command carries are moved with its saga's, and only forward.
func (j *journey) extend(e Extend) {
	c, known := j.ops[e.Op]
	if !known || !j.out[e.Op] || e.Deadline < 0 || e.Expires < 0 {
		j.t.Fatalf("%+v", e)
	}
	if !c.Deadline.IsZero() {
		c.Deadline = c.Deadline.Add(e.Deadline)
	}
	if !c.Expires.IsZero() {
		c.Expires = c.Expires.Add(e.Expires)
	}
	j.ops[e.Op] = c
}

// send: an operation is frozen when it is first sent, its attempts only grow, and headers stand
// where they may.
func (j *journey) send(before Instance, c Command) {
	op := c.Op()
	if c.Attempt != j.latest[op]+1 {
		j.t.Fatalf("%s: attempt %d after %d", op, c.Attempt, j.latest[op])
	}
	first, known := j.ops[op]
	if known && !j.out[op] && !first.Deadline.IsZero() && c.Deadline.After(first.Deadline) && c.Deadline.Equal(before.Deadline) {
		first.Deadline = c.Deadline // the saga was paused while nothing was out that could be extended
		j.ops[op] = first
	}
	j.latest[op], j.out[op] = c.Attempt, true
	if !known {
		j.ops[op] = c
		j.first(before, c)
		return
	}
	c.Attempt, c.Revision = first.Attempt, first.Revision
	if diff := cmp.Diff(first, c); diff != "" {
		j.t.Fatalf("%s was frozen: %s", op, diff)
	}
}

func (j *journey) first(before Instance, c Command) {
	if (c.Direction == Backward) != (c.Known != "") {
		j.t.Fatalf("%s says known %q", c.Op(), c.Known)
	}
	if !c.Deadline.IsZero() && (c.Direction != Forward || c.Kind != Compensatable && c.Kind != Pivot) {
		j.t.Fatalf("%s has a deadline", c.Op())
	}
	if expires := c.Direction == Forward && strings.HasSuffix(strings.Split(c.Step, "~")[0], trySuffix); !c.Expires.IsZero() && !expires || c.Expires.IsZero() != (c.Expiry == "") {
		j.t.Fatalf("%s expires %s %s", c.Op(), c.Expires, c.Expiry)
	}
	switch c.Direction {
	case Forward:
		j.begun(before, c.Step)
	case Backward:
		j.undone(c.Step)
	}
}

// checkSent: every command that was ever sent can be made again, however far the saga has gone.
func (j *journey) checkSent() {
	for op, first := range j.ops {
		again, err := Sent(j.def, j.in, first.Step, first.Direction)
		if err != nil {
			j.t.Fatalf("%s: %v", op, err)
		}
		if again.Op() != op || RunOf(strings.Split(first.Step, "~")[0], again.Step) < 0 || !again.Deadline.IsZero() {
			j.t.Fatalf("%s became %+v", op, again)
		}
		again.Deadline, again.Attempt, again.Revision = first.Deadline, first.Attempt, first.Revision
		if diff := cmp.Diff(first, again); diff != "" {
			j.t.Fatalf("%s is another one now: %s", op, diff)
		}
	}
}
