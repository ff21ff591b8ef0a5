package sagatest

import "time"

// epoch is when every run begins.
var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// clock is virtual time: it jumps from one planned happening to the next. Two at the same
// instant happen in the order in which they were planned.
type clock struct {
	now  time.Duration // since epoch
	seq  uint64
	plan []happening // a heap, the earliest first
}

type happening struct {
	at  time.Duration
	seq uint64
	do  func()
}

func (h *happening) before(other *happening) bool {
	return h.at < other.at || h.at == other.at && h.seq < other.seq
}

func (c *clock) time() time.Time { return epoch.Add(c.now) }

// after plans do for d from now.
func (c *clock) after(d time.Duration, do func()) {
	c.seq++
	c.plan = append(c.plan, happening{at: c.now + d, seq: c.seq, do: do})
	for i := len(c.plan) - 1; i > 0; {
		parent := (i - 1) / 2
		if !c.plan[i].before(&c.plan[parent]) {
			return
		}
		c.plan[i], c.plan[parent] = c.plan[parent], c.plan[i]
		i = parent
	}
}

// next does what is planned next; false when nothing is.
func (c *clock) next() bool {
	if len(c.plan) == 0 {
		return false
	}
	first, last := c.plan[0], len(c.plan)-1
	c.plan[0] = c.plan[last]
	c.plan[last] = happening{}
	c.plan = c.plan[:last]
	c.sink()
	c.now = first.at
	first.do()
	return true
}

// sink puts the heap in order below its top.
func (c *clock) sink() {
	for i := 0; ; {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(c.plan); child++ {
			if c.plan[child].before(&c.plan[least]) {
				least = child
			}
		}
		if least == i {
			return
		}
		c.plan[i], c.plan[least] = c.plan[least], c.plan[i]
		i = least
	}
}
