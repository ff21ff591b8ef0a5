package saga

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Sent makes the command of an operation again that was answered before, for a participant that has lost what
// came of it. Participant, action, key and body are as they were when it was first enqueued: they depend only on
// what a saga keeps. A forward comes without its deadline: that it was in time is known.
func Sent(def *Definition, in Instance, stepRun string, d Direction) (Command, error) {
	id, _, _ := strings.Cut(stepRun, "~")
	m := move{def: def, Instance: in}
	s, ok := m.Step(id)
	sd, known := def.Step(id)
	switch {
	case !ok || !known || s.Participant == "":
		return Command{}, fmt.Errorf("saga %s: step %s has sent nothing", in.ID, stepRun)
	case sd.Undo == nil && (d == Backward || d == Close):
		return Command{}, fmt.Errorf("saga %s: step %s has no undo", in.ID, stepRun)
	}
	c, _, err := m.command(s, d)
	if err != nil {
		return Command{}, fmt.Errorf("saga %s: step %s: %w", in.ID, stepRun, err)
	}
	c.Step, c.Revision, c.Attempt = stepRun, in.Revision, max(c.Attempt, 1)
	c.Deadline = time.Time{}
	return c, nil
}

// RunOf is the number of a step's run, 0 for its first; -1: it is no run of that step.
func RunOf(step, run string) int {
	id, n, fresh := strings.Cut(run, "~")
	if id != step {
		return -1
	}
	if !fresh {
		return 0
	}
	number, err := strconv.Atoi(n)
	if err != nil || number < 1 {
		return -1
	}
	return number
}
