package outbox

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"time"
)

// maxTurn bounds the re-sends of one turn: each reads its message from the table, and first
// sends must not wait long behind them.
const maxTurn = 64

// delivery is one publish about to happen.
type delivery struct {
	row     *row
	epoch   int
	id      string
	attempt int
	message *Message // nil: read it from the table
}

// Run loads every row of the table as due at once, oldest first, at the re-send rate; then it
// publishes, re-sends and reports expired attempts until ctx ends. An error means that the table
// could not be read at the start. Rows put before Run are sent when it begins.
func (r *Relay) Run(ctx context.Context) error {
	if err := r.load(ctx); err != nil && ctx.Err() == nil {
		return fmt.Errorf("outbox: relay: load: %w", err)
	}
	q := newInquest(r.cfg.Gate)
	defer q.wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		firsts, resends, silent := r.collect()
		r.publishAll(firsts)
		for _, d := range resends {
			r.republish(ctx, d)
		}
		q.ask(ctx, silent)
		r.sleep(ctx, timer, q)
	}
	return nil
}

// collect takes what is due now.
func (r *Relay) collect() (firsts, resends []delivery, silent []notice) {
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	for row := r.acts.due(now); row != nil; row = r.acts.due(now) {
		row.unschedule()
		if row.phase == acked {
			silent = append(silent, notice{row, row.epoch})
			continue
		}
		row.phase = fresh
		r.fresh = append(r.fresh, row)
	}
	for _, row := range r.fresh {
		if row.phase == fresh && r.rows[row.key] == row && !r.parkFresh(row) {
			firsts = append(firsts, r.dispatch(row))
		}
	}
	clear(r.fresh)
	r.fresh = r.fresh[:0]
	for row := r.resends.due(now); row != nil && len(resends) < maxTurn && r.pace.take(now); row = r.resends.due(now) {
		row.unschedule()
		resends = append(resends, r.dispatch(row))
	}
	r.pace.count(now, len(firsts)+len(resends))
	r.counters.first += uint64(len(firsts))
	r.counters.again += uint64(len(resends))
	return firsts, resends, silent
}

// dispatch begins a publish: the same send again, or a new one.
func (r *Relay) dispatch(row *row) delivery {
	if row.send == 0 {
		r.sends++
		row.send = r.sends
		row.spare = min(row.spare, row.send-1)
	}
	d := delivery{row, row.epoch, row.messageID(r.boot), row.attempt, row.first}
	row.phase, row.first = sending, nil
	r.behind.leave(row)
	return d
}

func (r *Relay) publishAll(all []delivery) {
	for _, d := range all {
		r.publish(d)
	}
}

// publish gives the publisher a header of its own, with room for what it adds.
func (r *Relay) publish(d delivery) {
	m := *d.message
	m.Header = make(map[string][]string, len(d.message.Header)+2)
	maps.Copy(m.Header, d.message.Header)
	if r.cfg.AttemptHeader != "" {
		m.Header[r.cfg.AttemptHeader] = []string{strconv.Itoa(m.Attempt)}
	}
	r.cfg.Publisher.Publish(&m, d.id, func(err error) { r.answered(d, err) })
}

// republish sends the row as the table has it. If the table is ahead of what the relay was
// told, the relay follows the table.
func (r *Relay) republish(ctx context.Context, d delivery) {
	if d.message == nil {
		m, err := r.read(ctx, d.row.key)
		if err != nil && !errors.Is(err, errNoMessage) {
			r.answered(d, err)
			return
		}
		if err != nil || m.Attempt != d.attempt {
			r.follow(d, m)
			return
		}
		d.message = m
	}
	if !r.parkDue(d) {
		r.publish(d)
	}
}

// answered takes the broker's answer to one publish: the attempt's timeout begins, or the same
// send is repeated after a while. An answer to an earlier attempt or incarnation is stale.
func (r *Relay) answered(d delivery, err error) {
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	row := d.row
	if !r.current(row, d.epoch) || row.phase != sending {
		return
	}
	if err != nil {
		row.failures++
		r.counters.failed++
		r.resend(row, now.Add(max(backoff(row.failures, r.cfg.Rand()), told(err))))
	} else {
		row.failures, row.phase, row.spare = 0, acked, row.send-1
		row.enqueue()
		if row.timeout > 0 {
			r.acts.add(row, now.Add(row.timeout))
		}
	}
	if row.in != nil && (r.wakeAt.IsZero() || row.at.Before(r.wakeAt)) {
		r.wakeAt = row.at
		r.signal()
	}
}

// sleep waits until something is due, was put, or the gate has answered.
func (r *Relay) sleep(ctx context.Context, timer *time.Timer, q *inquest) {
	if at := r.next(q.again()); !at.IsZero() {
		timer.Reset(time.Until(at))
	} else {
		timer.Stop()
	}
	select {
	case <-ctx.Done():
	case <-r.wake:
	case <-timer.C:
	case err := <-q.answer:
		for _, n := range q.take(err) {
			if !r.excused(ctx, n) {
				r.expire(n)
			}
		}
	}
}

// next is when Run must look again, the given time included; zero: when woken.
func (r *Relay) next(at time.Time) time.Time {
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	at = sooner(at, r.acts.first())
	if first := r.resends.first(); !first.IsZero() {
		if !first.After(now) {
			first = r.pace.ready(now)
		}
		at = sooner(at, first)
	}
	if len(r.fresh) > 0 {
		at = now
	}
	r.wakeAt = at
	return at
}

// expire reports one silent attempt, unless it was answered or replaced meanwhile.
func (r *Relay) expire(n notice) {
	r.mu.Lock()
	row := n.row
	silent := r.current(row, n.epoch) && row.phase == acked
	key, attempt := row.key, row.attempt
	if silent {
		row.phase = expired
	}
	r.mu.Unlock()
	if silent && r.cfg.Expired != nil {
		r.cfg.Expired(key, attempt)
	}
}

func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
