package outbox

import (
	"context"
	"time"
)

// A group is a name that messages have in common, such as their receiver (see [RelayConfig.Groups]).
// While a group is held, its messages are parked: none is sent, sent again or reported as silent. The
// owner knows which groups are held, and says so again after each start.

// keepLifted is how long the relay remembers that a group was held: the longest timeout of an attempt
// for which it still matters.
const keepLifted = 7 * 24 * time.Hour

// holds are the groups that are held, and those that were not long ago.
type holds struct {
	held   map[string]bool
	lifted map[string]time.Time
}

// Hold parks the messages of a group, until [Relay.Lift]. What is with the publisher already is not
// called back.
func (r *Relay) Hold(group string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.holds.held[group] = true
}

// Lift ends a hold. What it parked is due, oldest first, at the re-send rate; first sends too. An attempt
// that was out meanwhile and falls silent later is sent once more before its silence is reported.
func (r *Relay) Lift(group string) {
	now := time.Now()
	r.mu.Lock()
	if r.holds.held[group] {
		delete(r.holds.held, group)
		r.holds.lift(group, now)
	}
	for _, row := range r.rows {
		if row.phase == parked && row.group == group {
			row.group = ""
			if row.place != "" {
				r.behind.enter(row, row.place)
			}
			r.resend(row, later(now, row.earlier)) // another group may park it again, which costs no share of the rate
		}
	}
	r.mu.Unlock()
	r.signal()
}

func (h *holds) lift(group string, now time.Time) {
	for other, at := range h.lifted {
		if now.Sub(at) > keepLifted {
			delete(h.lifted, other)
		}
	}
	h.lifted[group] = now
}

// holding finds a group of the message that is held. The caller has the lock.
func (r *Relay) holding(m *Message) (string, bool) {
	if len(r.holds.held) == 0 || r.cfg.Groups == nil {
		return "", false
	}
	for _, group := range r.cfg.Groups(m) {
		if r.holds.held[group] {
			return group, true
		}
	}
	return "", false
}

// park keeps the row until its group is lifted. Its message is read from the table then, so that what is
// parked is small in memory. In its lane it keeps its place, unless it was sent before.
func (r *Relay) park(row *row, group, place string) {
	row.unschedule()
	row.phase, row.group, row.place, row.first = parked, group, place, nil
}

// parkFresh parks a first send whose group is held.
func (r *Relay) parkFresh(row *row) bool {
	group, held := r.holding(row.first)
	if held {
		r.park(row, group, r.lane(row.first.Subject))
	}
	return held
}

// parkDue parks what was dispatched as a re-send when its message turns out to be held, and gives its
// share of the rate back.
func (r *Relay) parkDue(d delivery) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	group, held := r.holding(d.message)
	if !held {
		return false
	}
	if r.current(d.row, d.epoch) && d.row.phase == sending {
		place := ""
		if d.attempt == 1 { // it may never have been sent
			place = r.lane(d.message.Subject)
		}
		r.park(d.row, group, place)
	}
	r.pace.giveBack()
	return true
}

// excused says that the silence of an attempt does not count: its group is held, or was while the
// attempt could have been answered. It is sent again, now or when the group is lifted.
func (r *Relay) excused(ctx context.Context, n notice) bool {
	r.mu.Lock()
	ask := r.cfg.Groups != nil && len(r.holds.held)+len(r.holds.lifted) > 0
	r.mu.Unlock()
	if !ask {
		return false
	}
	m, err := r.read(ctx, n.row.key)
	if err != nil { // then the owner decides
		return false
	}
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.current(n.row, n.epoch) || n.row.phase != acked {
		return false
	}
	if group, held := r.holding(m); held {
		n.row.begin()
		r.park(n.row, group, "")
		return true
	}
	if !r.heldSince(m, now.Add(-n.row.timeout)) {
		return false
	}
	n.row.begin()
	r.resend(n.row, now)
	return true
}

// heldSince says whether a group of the message was held at that time or later.
func (r *Relay) heldSince(m *Message, since time.Time) bool {
	for _, group := range r.cfg.Groups(m) {
		if at, ok := r.holds.lifted[group]; ok && at.After(since) {
			return true
		}
	}
	return false
}
