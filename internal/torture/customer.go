package torture

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/girohq/giro/client"
	"github.com/girohq/giro/internal/witness"
	"github.com/girohq/giro/saga"
)

// customer asks for one transfer after the other, and again for what he has asked before.
type customer struct {
	name   string
	book   *book
	client *client.Client
	rng    *rand.Rand
	before []*transfer // his last ones
}

const (
	tryFor     = 3 * time.Second // one request
	patience   = 5 * time.Second // with a transfer that was accepted; the drain sees to it
	remembered = 32
)

// run asks until there is nothing more to ask for, or ctx ends.
func (c *customer) run(ctx context.Context, next func() *transfer) {
	for ctx.Err() == nil {
		t := next()
		if t == nil {
			return
		}
		c.book.add(t)
		if !c.insist(ctx, t, c.rng) {
			continue
		}
		c.follow(ctx, t, patience)
		c.again(ctx)
		if c.before = append(c.before, t); len(c.before) > remembered {
			c.before = c.before[1:]
		}
	}
}

// insist starts t until it is accepted. One in ten customers who were not answered walks off (with rng nil:
// none does): whether the transfer was accepted is not known then.
func (c *customer) insist(ctx context.Context, t *transfer, rng *rand.Rand) bool {
	for {
		answer := c.start(ctx, t, t.Input)
		if answer == witness.Accepted {
			return true
		}
		if answer != witness.Unknown || rng != nil && rng.IntN(10) == 0 || !rest(ctx, 100*time.Millisecond) {
			return false
		}
	}
}

func (c *customer) start(ctx context.Context, t *transfer, input json.RawMessage) string {
	line := witness.Line{Client: c.name, Op: witness.OpStart, Saga: t.ID, Type: t.Type, Input: input, Asked: time.Now()}
	try, cancel := context.WithTimeout(ctx, tryFor)
	defer cancel()
	doc, err := c.client.Start(try, t.Type, t.ID, input)
	return c.witness(t, line, &doc, err)
}

func (c *customer) get(ctx context.Context, t *transfer) string {
	line := witness.Line{Client: c.name, Op: witness.OpGet, Saga: t.ID, Asked: time.Now()}
	try, cancel := context.WithTimeout(ctx, tryFor)
	defer cancel()
	doc, err := c.client.Get(try, t.ID)
	return c.witness(t, line, &doc, err)
}

func (c *customer) witness(t *transfer, line witness.Line, doc *saga.Document, err error) string {
	line.Told, line.Answer = time.Now(), answerTo(line.Op, err)
	if err == nil {
		line.State = doc.State
	}
	c.book.note(t, line, doc)
	return line.Answer
}

// follow asks for t until it has ended, for so long at most.
func (c *customer) follow(ctx context.Context, t *transfer, most time.Duration) bool {
	const first, longest = 10 * time.Millisecond, 300 * time.Millisecond
	for end, wait := time.Now().Add(most), first; !t.ended() && t.State != saga.Suspended; wait = min(2*wait, longest) {
		if time.Now().After(end) || !rest(ctx, wait) {
			return false
		}
		c.get(ctx, t)
	}
	return true
}

// again does now and then what careful and careless customers do: ask for an old transfer, start it once
// more, or use its id for another one.
func (c *customer) again(ctx context.Context) {
	if len(c.before) == 0 {
		return
	}
	old := c.before[c.rng.IntN(len(c.before))]
	switch n := c.rng.IntN(50); {
	case n < 8:
		c.get(ctx, old)
	case n < 10:
		c.start(ctx, old, old.Input)
	case n == 10:
		c.start(ctx, old, probeTransfer(1, "transfer", 0, 2).Input)
	}
}

func problemOf(err error) *client.Problem {
	var p *client.Problem
	errors.As(err, &p)
	return p
}
