package participants

import (
	"sync/atomic"

	"github.com/girohq/giro/saga"
)

// Counts says how many commands a participant has answered since it was made, by outcome,
// repeats included.
type Counts struct {
	Succeeded, Rejected, Retried, Fenced uint64
	Conflicts                            uint64 // commands that contradict what is recorded; above zero, look into it
	Dead                                 uint64 // messages that were no commands
}

// Counts returns the counts so far.
func (p *Participant) Counts() Counts {
	c := &p.counts
	return Counts{
		Succeeded: c.succeeded.Load(), Rejected: c.rejected.Load(), Retried: c.retried.Load(), Fenced: c.fenced.Load(),
		Conflicts: c.conflicts.Load(), Dead: c.dead.Load(),
	}
}

type counters struct {
	succeeded, rejected, retried, fenced, conflicts, dead atomic.Uint64
}

func (c *counters) count(o saga.Outcome) {
	switch o {
	case saga.Succeeded:
		c.succeeded.Add(1)
	case saga.Rejected:
		c.rejected.Add(1)
	case saga.Retried:
		c.retried.Add(1)
	case saga.Fenced:
		c.fenced.Add(1)
	case saga.Conflict:
		c.conflicts.Add(1)
	}
}
