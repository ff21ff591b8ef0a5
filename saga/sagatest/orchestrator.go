package sagatest

import (
	"bytes"
	"slices"
	"time"

	"github.com/girohq/giro/saga"
)

// orchestrator is the shell around saga.Transition: a store, a relay and the loop between.
type orchestrator struct {
	process
	store   *store
	relay   *relay
	bug     Bug
	audit   *audit
	paths   *paths
	starts  *stream
	replies *stream
	queue   []item
	watch   func(saga.Instance) // is shown every saga that has moved
}

// item is one thing of a batch: a message with its acknowledgement, or an event without.
type item struct {
	message *message
	saga    string
	event   saga.Event
	done    func() // nil, or called when the event is committed
}

// start is a client's wish for a saga.
type start struct {
	id       string
	workload *Workload
	input    []byte
	deadline time.Duration // from now; 0: none
	answered func(accepted bool)
}

func (o *orchestrator) deliver(m *message) { o.take(item{message: m}) }

// happen takes an event that is no message: a timer, a cancel, a person's retry.
func (o *orchestrator) happen(id string, event saga.Event) { o.take(item{saga: id, event: event}) }

func (o *orchestrator) take(i item) {
	if !o.up {
		return
	}
	o.queue = append(o.queue, i)
	o.wake()
}

// batch is the loop: inbox, state and outbox in one transaction; commit; publish; acknowledge.
// Replies go first, so that no timer fires while the answer to it waits to be read.
func (o *orchestrator) batch() {
	batch := o.queue
	o.queue = nil
	slices.SortStableFunc(batch, func(a, b item) int { return a.rank() - b.rank() })
	tx := o.store.begin()
	accepted := make([]bool, len(batch))
	for i := range batch {
		accepted[i] = o.handle(tx, &batch[i])
	}
	if o.bug == AckBeforeCommit {
		o.acknowledge(batch, accepted)
	}
	if o.bug == SentBeforeCommit {
		o.relay.sneak(tx)
	}
	if o.killed(CrashBeforeCommit) {
		return
	}
	tx.commit()
	o.committed(tx)
	if o.killed(CrashAfterCommit) {
		return
	}
	for _, h := range tx.afterwards {
		o.happen(h.saga, h.event)
	}
	o.relay.committed(tx)
	if o.killed(CrashAfterPublish) {
		return
	}
	o.acknowledge(batch, accepted)
}

func (i *item) rank() int {
	if i.message != nil && i.message.start == nil {
		return 0
	}
	return 1
}

// handle moves one saga inside the transaction. For a start it reports whether it is accepted.
func (o *orchestrator) handle(tx *storeTx, i *item) bool {
	switch {
	case i.event != nil:
		o.move(tx, i.saga, i.event)
	case i.message.start != nil:
		return o.start(tx, i.message.start)
	default:
		o.move(tx, i.message.reply.SagaID, saga.Replied{At: o.clock.time(), Reply: o.misread(tx, i.message.reply)})
	}
	return true
}

func (o *orchestrator) start(tx *storeTx, s *start) bool {
	if in, _ := tx.saga(s.id); in.State != "" {
		return bytes.Equal(in.Input, s.input)
	}
	event := saga.Started{At: o.clock.time(), ID: s.id, Input: s.input}
	if s.deadline > 0 {
		event.Deadline = event.At.Add(s.deadline)
	}
	tx.apply(s.workload.Definition, s.id, event, o.clock.now)
	o.trace.add(o.name, "accepted", s.id)
	return true
}

func (o *orchestrator) move(tx *storeTx, id string, event saga.Event) {
	before, def := tx.saga(id)
	if def == nil {
		return
	}
	changed := tx.apply(def, id, event, o.clock.now)
	after, _ := tx.saga(id)
	o.paths.orchestrator(before, after, event, changed)
	o.trace.add(o.name, string(after.State), id)
}

// misread is the planted bug of taking the last retry for a refusal.
func (o *orchestrator) misread(tx *storeTx, r saga.Reply) saga.Reply {
	if o.bug != ExhaustedIsRefused || r.Outcome != saga.Retried || r.Direction != saga.Forward {
		return r
	}
	in, def := tx.saga(r.SagaID)
	if def == nil {
		return r
	}
	s, ok := in.Step(r.Step)
	sd, _ := def.Step(r.Step)
	if ok && s.Attempts >= sd.Retry.Attempts && sd.Kind != saga.Retriable {
		r.Outcome = saga.Rejected
	}
	return r
}

// committed sets the timers of what has been stored.
func (o *orchestrator) committed(tx *storeTx) {
	for _, id := range tx.moved {
		in := o.store.sagas[id]
		o.audit.moved(in, o.store.definitions[id])
		o.watch(in)
		if in.State == saga.Suspended && o.dice.strikes(Operator) {
			o.later(o.dice.Scale(time.Second, 10*time.Minute), func() { o.retry(id) })
		}
	}
	for _, id := range tx.moved {
		if _, armed := tx.armed[id]; armed {
			o.arm(id)
			delete(tx.armed, id)
		}
	}
}

func (o *orchestrator) retry(id string) {
	o.happen(id, saga.Resumed{At: o.clock.time(), Reason: "look again"})
}

// arm wakes a saga when its timer says so.
func (o *orchestrator) arm(id string) {
	at := o.store.timers[id]
	if at.IsZero() {
		return
	}
	o.later(at.Sub(o.clock.time()), func() {
		if o.store.timers[id].Equal(at) {
			o.happen(id, saga.Woke{At: o.clock.time()})
		}
	})
}

// acknowledge tells clients and the broker.
func (o *orchestrator) acknowledge(batch []item, accepted []bool) {
	for i, it := range batch {
		if it.message == nil {
			if it.done != nil {
				it.done()
			}
			continue
		}
		if s := it.message.start; s != nil {
			s.answered(accepted[i])
			o.starts.ack(it.message)
			continue
		}
		o.replies.ack(it.message)
	}
}

func (o *orchestrator) restarted() {
	o.queue = nil
	o.relay.restarted()
	for _, id := range o.store.order {
		if o.bug != TimersForgotten {
			o.arm(id)
		}
	}
	o.starts.redeliver()
	o.replies.redeliver()
}
