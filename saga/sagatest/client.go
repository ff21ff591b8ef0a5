package sagatest

import (
	"fmt"
	"strconv"
	"time"
)

// client starts one saga and repeats it until it is told that it was accepted.
type client struct {
	clock  *clock
	dice   *dice
	audit  *audit
	starts *stream
	cancel func(id string)
	start  start
	sends  int
	told   bool
}

func (c *client) begin() {
	c.start.answered = c.answered
	if c.dice.strikes(Deadline) {
		c.start.deadline = c.dice.Scale(latency, 5*time.Minute)
	}
	if c.dice.strikes(Cancel) {
		c.clock.after(c.dice.Scale(latency, 5*time.Minute), func() { c.cancel(c.start.id) })
	}
	c.try()
}

// try sends the start until it is answered, and now and then once more than needed.
func (c *client) try() {
	if c.told {
		return
	}
	c.send(&c.start)
	if c.dice.strikes(RepeatedStart) {
		c.clock.after(c.dice.Scale(latency, 10*time.Minute), func() { c.send(&c.start) })
	}
	c.clock.after(c.dice.Between(5*time.Second, 15*time.Second), c.try)
}

func (c *client) send(s *start) {
	c.sends++
	c.starts.publish(&message{id: s.id + "/" + strconv.Itoa(c.sends), start: s}, func() {})
}

// answered hears from the orchestrator, if the answer is not lost on its way.
func (c *client) answered(accepted bool) {
	if c.told || c.dice.strikes(Loss) {
		return
	}
	if !accepted {
		c.audit.violated(AcceptedIsKept, c.start.id, "the id is taken by another input, and only this client uses it")
	}
	c.told = true
	c.audit.accepted = append(c.audit.accepted, &c.start)
	if c.dice.strikes(OtherStart) {
		c.abuse()
	}
}

// abuse uses the id again for something else, which must be refused.
func (c *client) abuse() {
	other := c.start
	other.input = fmt.Appendf(nil, `{"other":%s}`, c.start.input)
	other.answered = func(accepted bool) {
		if accepted {
			c.audit.violated(AcceptedIsKept, c.start.id, "another input was accepted under a known id")
		}
	}
	c.send(&other)
}
