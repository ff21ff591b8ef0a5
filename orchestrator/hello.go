package orchestrator

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/outbox"
)

// hello is how a participant begins: before it reads a command it says which database it has, and how far that
// is. It may serve if that is the one it had, and no older than what was heard of it. Replies that are in
// the broker already are read first, so that what they tell counts.
func (o *Orchestrator) hello(ctx context.Context, h wire.Hello) (any, error) {
	if err := h.Check(); err != nil {
		return nil, wire.Invalid(err)
	}
	if err := o.replies.gate(ctx); err != nil {
		return nil, wire.Unavailable("its earlier replies are still being read: ask again")
	}
	var before, after *member
	var answer wire.Welcome
	_, err := o.do(ctx, &work{id: h.Name, task: func(ctx context.Context, m *mover, tx outbox.Tx) (err error) {
		before = m.member(h.Name)
		answer, err = m.welcome(ctx, tx, h)
		after = m.member(h.Name)
		return err
	}})
	if err != nil {
		return nil, err
	}
	o.sayQuarantine(before, after)
	answer.Origin = o.cfg.DB.StoreID()
	if h.Told || answer.State == wire.WelcomeServe {
		o.older.set(func() { o.older.met[h.Name] = meeting{h.Session, h.Commit} })
	}
	return answer, nil
}

func (o *Orchestrator) sayQuarantine(before, after *member) {
	was := before != nil && before.quarantined()
	switch {
	case after.quarantined() && (!was || before.State != after.State):
		o.cfg.Log.Warn().Str("participant", after.Name).Str("state", after.State).Msg("quarantined: " + after.Cause)
	case was && !after.quarantined():
		o.cfg.Log.Warn().Str("participant", after.Name).Msg("no longer quarantined")
		o.relay.Reset() // what it was sent before may be unknown to it now, and answered by nobody
	}
}

// sayStale tells of replies that were not taken.
func (o *Orchestrator) sayStale(items []*work) {
	n := 0
	var last wire.Mark
	for _, w := range items {
		if w.stale {
			n, last = n+1, w.mark
		}
	}
	if n > 0 {
		o.metrics.stale.Add(uint64(n))
		o.cfg.Log.Warn().Int("replies", n).Str("participant", last.Participant).Str("store", last.Store).Int64("commit", last.Commit).
			Msg("replies were not taken: they are not from its database as it is now")
	}
}

// What an operator has decided, and that it was done.
const (
	decidedAccept = "accept"
	decidedReplay = "replay"
	accepted      = "accepted"
)

// welcome judges a greeting and stores what comes of it.
func (m *mover) welcome(ctx context.Context, tx outbox.Tx, h wire.Hello) (wire.Welcome, error) {
	known := m.member(h.Name)
	if known == nil {
		next := member{Name: h.Name, Recorded: h.Commit, Differ: "[]"}
		next.serve(h)
		return next.told(), m.change(ctx, tx, next)
	}
	if known.State == wire.MemberServing && h.Store == known.Store && known.current(h) {
		cause, _ := m.older.quarantined()
		switch {
		case !h.Told && (h.Commit > known.Heard || cause != ""):
			return wire.Welcome{State: wire.WelcomeTell, Ahead: known.Heard}, nil
		case cause != "": // what is in the stream for it may be from what is lost here
			return wire.Welcome{State: wire.WelcomeWait, Reason: "the orchestrator's database is an older copy: " + cause, Ahead: known.Heard}, nil
		}
	}
	next := *known
	was := next.quarantined()
	next.greet(h, m.clock())
	if err := m.hold(ctx, tx, was, &next); err != nil {
		return wire.Welcome{}, err
	}
	return next.told(), m.change(ctx, tx, next)
}

// greet moves the member by a greeting.
func (m *member) greet(h wire.Hello, now time.Time) {
	right := h.Store == m.Store
	switch {
	case m.quarantined() && m.Decision == decidedAccept:
		if m.State == wire.MemberTooOld {
			m.lose(h.From)
		}
		m.serve(h)
		m.Whole, m.Decision = m.Heard, accepted
	case m.quarantined() && m.Decision == decidedReplay:
		m.Decision = ""
		if !right {
			m.lose(0)
			m.Store, m.Recorded = h.Store, max(m.Recorded, 1) // all that it ever answered
		}
		m.redo(h, now)
	case !right:
		m.isolate(wire.MemberForeign, fmt.Sprintf("its database is %s with %d commits, and the one known is %s with %d", h.Store, h.Commit, m.Store, m.Heard), now)
	case m.State == wire.MemberServing, m.State == wire.MemberForeign, m.State == wire.MemberTooOld:
		if m.current(h) {
			m.serve(h)
			return
		}
		if m.tooOld(m.reaches(h.From), h, now) {
			return
		}
		m.lose(h.From)
		m.redo(h, now)
	case m.State == wire.MemberBehind && h.Replayed != nil && h.Session == m.Session:
		m.mended(h, now)
	case m.State == wire.MemberBehind:
		m.redo(h, now)
	}
}

// current says that the database is no older than what was heard of it. Of a process that serves, later commits
// may be heard than it knew of when it said hello.
func (m *member) current(h wire.Hello) bool {
	return h.Commit >= m.Heard || m.State == wire.MemberServing && h.Session == m.Session
}

// serve begins a session.
func (m *member) serve(h wire.Hello) {
	m.Store, m.Session, m.State = h.Store, h.Session, wire.MemberServing
	m.Heard = max(m.Heard, h.Commit)
	m.Base, m.Cause, m.Since, m.Differ = m.Heard, "", nil, "[]"
}

// lose notes that the database is one with the commits up to a number only.
func (m *member) lose(from int64) {
	m.Lost, m.Restored = m.Session, m.reaches(from)
}

// reaches says up to which commit a copy has what it must. One from before, or amid, an earlier replay lacks what that had
// to do again as well.
func (m *member) reaches(from int64) int64 {
	if from < m.Whole {
		return min(from, m.Restored)
	}
	return from
}

// tooOld says whether a copy lacks answers that are archived, and sets it aside then. It is left as it is: a newer copy
// may still take its place, and be replayed.
func (m *member) tooOld(from int64, h wire.Hello, now time.Time) bool {
	if from >= m.Archived {
		return false
	}
	if m.State == wire.MemberBehind || m.State == wire.MemberDiffers { // the session that made what is lost is known already
		m.Session = m.Lost
	}
	m.isolate(wire.MemberTooOld, fmt.Sprintf("its database is an older copy, with %d commits of %d, and what it answered up to commit %d is archived: "+
		"not all that it lacks can be done again. Put a newer copy in its place, or accept the loss", h.Commit, m.Heard, m.Archived), now)
	return true
}

// redo begins, or goes on with, the replay of what an older copy lacks. A loss that was accepted once is not
// undone by a later one: a person decides again.
func (m *member) redo(h wire.Hello, now time.Time) {
	if m.tooOld(min(m.Restored, h.From), h, now) {
		return
	}
	m.Restored = min(m.Restored, h.From)
	m.Session, m.Base = h.Session, min(m.Base, m.Restored)
	state, then := wire.MemberBehind, "what it lacks is done again"
	if m.Decision == accepted && m.Restored < m.Whole {
		state, then = wire.MemberDiffers, "it is from before a loss that was accepted"
	}
	m.isolate(state, fmt.Sprintf("its database is an older copy, with %d commits of %d: %s", h.Commit, m.Heard, then), now)
}

func (m *member) isolate(state, cause string, now time.Time) {
	if m.Since == nil {
		us := now.UnixMicro()
		m.Since = &us
	}
	m.State, m.Cause = state, cause
}

// mended ends a replay: all is as it was, or a person must look at it.
func (m *member) mended(h wire.Hello, now time.Time) {
	r := h.Replayed
	if r.Differ == 0 && r.Failed == "" {
		m.serve(h)
		m.Whole = m.Heard
		return
	}
	cause := fmt.Sprintf("%d operations that an older copy lacks were done again, %d of them with another outcome", r.Done+r.Differ, r.Differ)
	if r.Failed != "" {
		cause = "what an older copy lacks could not be done again: " + r.Failed
	}
	if which, err := json.Marshal(r.Which); err == nil {
		m.Differ = string(which)
	}
	m.isolate(wire.MemberDiffers, cause, now)
}

// told is the answer to a greeting.
func (m *member) told() wire.Welcome {
	w := wire.Welcome{State: wire.WelcomeWait, Reason: m.Cause, Ahead: m.Heard}
	switch m.State {
	case wire.MemberServing:
		w.State = wire.WelcomeServe
	case wire.MemberBehind:
		w.State = wire.WelcomeReplay
	}
	return w
}

// hold pauses a participant while it is quarantined, unless an operator has paused it: its commands are
// parked, its silence is excused, and its sagas get the time back.
func (m *mover) hold(ctx context.Context, tx outbox.Tx, was bool, next *member) error {
	p := m.pauses.find(pausedParticipant, next.Name)
	switch now := next.quarantined(); {
	case now && !was && p == nil && m.batch.pausing[groupOf(pausedParticipant, next.Name)] == nil:
		p = &pause{kind: pausedParticipant, name: next.Name, reason: "quarantined: " + next.Cause, since: m.clock(), over: make(chan struct{})}
		if err := m.beginPause(ctx, tx, p); err != nil {
			return err
		}
		next.Pause = p.seq
		m.batch.then = append(m.batch.then, func() { m.pauses.begin(p); m.park(p.group()) })
	case !now && was && p != nil && p.seq == next.Pause:
		next.Pause = 0
		m.batch.then = append(m.batch.then, func() { m.pauses.resume(p); m.resumed() })
		return m.resumePause(ctx, tx, p, "no longer quarantined")
	}
	return nil
}
