package sagatest

import (
	"strconv"
	"time"

	"github.com/girohq/giro/saga"
)

// participant is one bank behind its inbox.
type participant struct {
	process
	bank     *bank
	bug      Bug
	audit    *audit
	paths    *paths
	commands *stream
	replies  *stream // the orchestrator's
	queue    []*message
	skew     time.Duration
	answers  uint64 // ever given: numbers the replies
}

// deliver takes a command from the broker; what is not taken comes again.
func (p *participant) deliver(m *message) {
	if !p.up {
		return
	}
	p.queue = append(p.queue, m)
	p.wake()
}

// batch is the loop of every participant: one transaction for all that has arrived, then the
// replies, and each command is acknowledged when the broker has its reply.
func (p *participant) batch() {
	batch := p.queue
	p.queue = nil
	tx := p.bank.begin()
	replies := make([]saga.Reply, len(batch))
	for i, m := range batch {
		replies[i] = p.answer(tx, &m.command, m.origin)
	}
	if p.killed(CrashBeforeCommit) {
		return
	}
	if p.bug == TwoTransactions && p.killed(CrashAfterCommit) {
		p.audit.posted(tx, tx.withoutProofs())
		tx.commitEffects()
		return
	}
	p.audit.posted(tx, tx.journal)
	tx.commit()
	if p.killed(CrashAfterCommit) {
		return
	}
	for i, m := range batch {
		p.publish(replies[i], m)
	}
	p.killed(CrashAfterPublish)
}

func (p *participant) publish(r saga.Reply, m *message) {
	p.answers++
	reply := &message{id: p.name + "/" + strconv.FormatUint(p.answers, 10), reply: r, origin: m.origin}
	life := p.life
	p.replies.publish(reply, func() {
		if p.life == life {
			p.commands.ack(m)
		}
	})
}

// answer meets one command at the barrier.
func (p *participant) answer(tx *bankTx, c *saga.Command, origin string) saga.Reply {
	key := p.key(c)
	before := tx.row(key)
	late := c.Direction == saga.Forward && !c.Deadline.IsZero() && p.clock.time().Add(p.skew).After(c.Deadline)
	after, verdict, rec := saga.Arrive(before, saga.Arrival{
		Direction: c.Direction, Known: c.Known, Origin: origin, Hash: c.Participant + c.Action + string(c.Body), Late: late,
	})
	switch verdict {
	case saga.Run:
		rec = p.run(tx, c)
		after = after.Ran(rec)
	case saga.RunUndo:
		rec = p.run(tx, c)
		after = after.RanUndo(rec)
	}
	if rec.Outcome != saga.Retried && !p.forgets(before, c, rec) {
		tx.rows[key] = after
	}
	tx.proves(c, rec)
	p.paths.barrier(before.State, c, verdict, late, rec)
	p.trace.add(p.name, string(rec.Outcome), c.Op())
	return saga.Reply{
		SagaID: c.SagaID, Step: c.Step, Direction: c.Direction, Attempt: c.Attempt, Participant: p.name,
		Outcome: rec.Outcome, Code: rec.Code, Message: rec.Message, Body: rec.Body,
	}
}

// key of the inbox row: forward, backward and inquire of a step run meet there.
func (p *participant) key(c *saga.Command) string {
	key := c.SagaID + "/" + c.Step
	if p.bug == UndoKeyedApart && c.Direction == saga.Backward {
		key += "/backward"
	}
	return key
}

// forgets says whether a planted bug keeps the row from being stored.
func (p *participant) forgets(before saga.Row, c *saga.Command, rec saga.Record) bool {
	switch p.bug {
	case NoFence:
		return before.State == saga.RowNone && c.Direction == saga.Backward
	case DeduplicationTrusted:
		return before.State == saga.RowNone && c.Direction == saga.Forward && rec.Outcome == saga.Succeeded
	}
	return false
}

// run calls a handler, unless chance has it refuse or ask for a retry.
func (p *participant) run(tx *bankTx, c *saga.Command) saga.Record {
	refusable := c.Direction == saga.Forward && c.Kind != saga.Retriable
	switch {
	case p.dice.strikes(Transient):
		return tryAgain
	case refusable && p.dice.strikes(Refusal):
		return refused
	}
	rec := tx.handle(c)
	if rec.Outcome == saga.Rejected && c.Kind == saga.Retriable {
		return tryAgain
	}
	return rec
}

func (p *participant) restarted() {
	p.queue = nil
	p.commands.redeliver()
}

// again answers a command that was published long ago.
func (p *participant) again(m *message) {
	tx := p.bank.begin()
	p.answer(tx, &m.command, m.origin)
	p.audit.posted(tx, tx.journal)
	tx.commit()
}
