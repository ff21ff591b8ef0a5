package sagatest

import (
	"time"

	"github.com/girohq/giro/saga"
)

// store is the orchestrator's database: what has been committed, and nothing else.
type store struct {
	definitions map[string]*saga.Definition // by saga id: what each is pinned to
	sagas       map[string]saga.Instance
	order       []string       // ids of sagas as they were accepted
	outbox      map[string]row // by op
	rows        uint64         // outbox rows ever made
	timers      map[string]time.Time
	known       map[string]*saga.Definition // by name: those that sagas can run as their children
	bug         Bug
	paths       *paths
}

// row is an outbox row. Its command is frozen when it is made; only its attempt moves.
type row struct {
	seq       uint64
	command   saga.Command
	attempt   int
	notBefore time.Duration
	timeout   time.Duration
}

func newStore() *store {
	return &store{
		definitions: map[string]*saga.Definition{}, sagas: map[string]saga.Instance{}, outbox: map[string]row{},
		timers: map[string]time.Time{}, known: map[string]*saga.Definition{},
	}
}

// storeTx is one transaction on a store. Nothing of it stands before commit.
type storeTx struct {
	base        *store
	definitions map[string]*saga.Definition
	sagas       map[string]saga.Instance
	moved       []string        // sagas written, in order
	rows        map[string]*row // nil: dropped
	sent        []string        // ops put, in order
	armed       map[string]time.Time
	told        []happened // what sagas have told one another, still to be done
	afterwards  []happened // planted bug: what is done only after the commit
}

// happened is an event of one saga.
type happened struct {
	saga  string
	event saga.Event
}

func (s *store) begin() *storeTx {
	return &storeTx{base: s, definitions: map[string]*saga.Definition{}, sagas: map[string]saga.Instance{}, rows: map[string]*row{}, armed: map[string]time.Time{}}
}

func (tx *storeTx) saga(id string) (saga.Instance, *saga.Definition) {
	if in, ok := tx.sagas[id]; ok {
		return in, tx.definitions[id]
	}
	if def, ok := tx.definitions[id]; ok { // it is about to begin
		return tx.base.sagas[id], def
	}
	return tx.base.sagas[id], tx.base.definitions[id]
}

func (tx *storeTx) row(op string) (row, bool) {
	if r, ok := tx.rows[op]; ok {
		if r == nil {
			return row{}, false
		}
		return *r, true
	}
	r, ok := tx.base.outbox[op]
	return r, ok
}

// apply moves a saga by one event, and then those that it tells of it, first in, first out, until
// nothing is left. It writes down what Transition says, and reports whether anything has changed.
func (tx *storeTx) apply(def *saga.Definition, id string, event saga.Event, now time.Duration) bool {
	tx.definitions[id] = def
	changed := tx.one(id, event, now)
	for len(tx.told) > 0 {
		next := tx.told[0]
		tx.told = tx.told[1:]
		tx.one(next.saga, next.event, now)
	}
	return changed
}

func (tx *storeTx) one(id string, event saga.Event, now time.Duration) bool {
	before, def := tx.saga(id)
	if def == nil {
		return false
	}
	after, effects := saga.Transition(def, before, tx.base.bug.misheard(before, event))
	if after.Revision == before.Revision {
		return false
	}
	tx.sagas[id], tx.definitions[id] = tx.base.bug.misstored(before, after, event), def
	tx.moved = append(tx.moved, id)
	tx.base.paths.moved(def, &before, &after, event)
	for _, e := range append(effects, tx.base.bug.more(def, before, after, event)...) {
		tx.write(id, e, event, now)
	}
	return true
}

func (tx *storeTx) write(id string, e saga.Effect, event saga.Event, now time.Duration) {
	switch e := e.(type) {
	case saga.Send:
		tx.put(e, now)
	case saga.Release:
		tx.rows[e.Op] = nil
	case saga.Arm:
		tx.armed[id] = e.At
	case saga.StartChild:
		tx.startChild(e, epoch.Add(now))
	case saga.Tell:
		tx.tell(happened{e.Saga, e.Event})
	}
}

// tell hands an event to another saga in the same transaction.
func (tx *storeTx) tell(h happened) {
	if tx.base.bug == ToldAfterCommit {
		tx.afterwards = append(tx.afterwards, h)
		return
	}
	if _, settled := h.event.(saga.Settled); settled && tx.base.bug == ChildUndoneLate {
		h.event = saga.Cancelled{Reason: "its parent has passed its pivot", From: "its parent"}
	}
	tx.told = append(tx.told, h)
}

// startChild begins a saga that another one runs; the answer is that it was compensated if it cannot begin.
func (tx *storeTx) startChild(e saga.StartChild, now time.Time) {
	def := tx.base.known[e.Type]
	if def == nil || e.Whole && def.HasPivot() || def.CheckInput(e.Input) != nil {
		cause := &saga.Cause{Kind: saga.CauseRejected, Code: "invalid", Message: "it cannot begin"}
		tx.tell(happened{e.Parent.ID, saga.ChildEnded{At: now, Step: e.Parent.Step, Child: e.ID, State: saga.Compensated, Cause: cause}})
		return
	}
	tx.definitions[e.ID] = def
	tx.told = append(tx.told, happened{e.ID, saga.Started{At: now, ID: e.ID, Input: e.Input, Parent: &e.Parent}})
}

func (tx *storeTx) put(e saga.Send, now time.Duration) {
	op := e.Command.Op()
	r, known := tx.row(op)
	if !known {
		tx.base.rows++
		r = row{seq: tx.base.rows, command: e.Command}
	}
	r.attempt, r.notBefore, r.timeout = e.Command.Attempt, now+e.After, e.Timeout
	tx.rows[op] = &r
	tx.sent = append(tx.sent, op)
}

func (tx *storeTx) commit() {
	for _, id := range tx.moved {
		if _, known := tx.base.sagas[id]; !known {
			tx.base.order = append(tx.base.order, id)
			tx.base.sagas[id] = tx.sagas[id]
		}
	}
	for id, in := range tx.sagas {
		tx.base.sagas[id], tx.base.definitions[id] = in, tx.definitions[id]
	}
	for id, at := range tx.armed {
		tx.base.timers[id] = at
	}
	for op, r := range tx.rows {
		if r == nil {
			delete(tx.base.outbox, op)
		} else {
			tx.base.outbox[op] = *r
		}
	}
}
