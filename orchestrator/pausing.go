package orchestrator

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/saga"
)

// pause stops what a saga, a type or a participant would be sent. The same again changes nothing.
func (o *Orchestrator) pause(ctx context.Context, req wire.PauseRequest) (any, error) {
	kind, name, err := checkPause(req)
	if err != nil {
		return nil, err
	}
	if _, known := o.registry.find(name, 0); kind == pausedType && !known {
		return nil, o.registry.unknown(name, 0)
	}
	var answer wire.Pause
	_, err = o.do(ctx, &work{id: name, task: func(ctx context.Context, m *mover, tx outbox.Tx) error {
		p := m.pauses.find(kind, name)
		changed := p == nil && m.batch.pausing[groupOf(kind, name)] == nil
		if changed {
			p = &pause{kind: kind, name: name, reason: req.Reason, since: m.clock(), over: make(chan struct{})}
			if err := m.beginPause(ctx, tx, p); err != nil {
				return err
			}
			m.batch.then = append(m.batch.then, func() { m.pauses.begin(p); o.relay.Hold(p.group()) })
		}
		if p == nil {
			p = m.batch.pausing[groupOf(kind, name)]
		}
		answer = p.describe()
		answer.Changed = changed
		return nil
	}})
	if err != nil { // the loop may be at it still, when ctx has ended
		return nil, err
	}
	return answer, nil
}

// resume lets it go on: the lost time is given back first, then what is parked is sent, oldest first, at the
// rate of re-sends.
func (o *Orchestrator) resume(ctx context.Context, req wire.PauseRequest) (any, error) {
	kind, name, err := checkPause(req)
	if err != nil {
		return nil, err
	}
	var p *pause
	answer := wire.Pause{}
	answer.Name(string(kind), name)
	_, err = o.do(ctx, &work{id: name, task: func(ctx context.Context, m *mover, tx outbox.Tx) error {
		if p = m.pauses.find(kind, name); p == nil {
			return nil
		}
		if known := m.member(name); kind == pausedParticipant && known != nil && known.quarantined() && known.Pause == p.seq {
			return wire.WrongState(fmt.Sprintf("%s is quarantined: see giro participants, then decide with giro participants accept or replay", name))
		}
		m.batch.then = append(m.batch.then, func() { m.pauses.resume(p) })
		return m.resumePause(ctx, tx, p, req.Reason)
	}})
	if err != nil { // the loop may be at it still, when ctx has ended
		return nil, err
	}
	if p == nil {
		return answer, nil
	}
	o.tellResumed()
	answer = p.describe()
	answer.Changed = true
	select {
	case <-p.over:
		return answer, nil
	case <-ctx.Done():
		return nil, wire.Unavailable("it is resumed, but the lost time is not given back to all sagas yet: that goes on by itself")
	}
}

// tellResumed wakes [Orchestrator.resumeAll].
func (o *Orchestrator) tellResumed() {
	select {
	case o.resumed <- struct{}{}:
	default: // it is told already
	}
}

func (o *Orchestrator) pauses(context.Context, struct{}) (any, error) { return o.query.Pauses(), nil }

// Pauses lists what is paused, oldest first.
func (q *Query) Pauses() wire.PauseList {
	list := wire.PauseList{Items: []wire.Pause{}}
	for _, p := range q.pauses.list() {
		list.Items = append(list.Items, p.describe())
	}
	return list
}

func checkPause(req wire.PauseRequest) (pauseKind, string, error) {
	if req.Reason == "" || len(req.Reason) > maxReason {
		return "", "", wire.Invalid(fmt.Errorf("a reason is required, of at most %d bytes", maxReason))
	}
	var err error
	switch one := req; {
	case one == wire.PauseRequest{ID: req.ID, Reason: req.Reason} && req.ID != "":
		err = saga.CheckID("saga id", req.ID)
		return pausedSaga, req.ID, invalidOrNil(err)
	case one == wire.PauseRequest{Type: req.Type, Reason: req.Reason} && req.Type != "":
		err = saga.CheckID("saga type", req.Type)
		return pausedType, req.Type, invalidOrNil(err)
	case one == wire.PauseRequest{Schedule: req.Schedule, Reason: req.Reason} && req.Schedule != "":
		return pausedSchedule, req.Schedule, invalidOrNil(saga.CheckID("schedule", req.Schedule))
	case one == wire.PauseRequest{Participant: req.Participant, Reason: req.Reason} && req.Participant != "":
		return pausedParticipant, req.Participant, invalidOrNil(saga.CheckParticipant(req.Participant))
	}
	return "", "", wire.Invalid(errors.New("name one: id, type, participant or schedule"))
}

func invalidOrNil(err error) error {
	if err == nil {
		return nil
	}
	return wire.Invalid(err)
}

// beginPause stores a pause. A saga must be live.
func (m *mover) beginPause(ctx context.Context, tx outbox.Tx, p *pause) error {
	if p.kind == pausedSaga {
		e, err := m.load(ctx, tx, p.name)
		switch {
		case err != nil:
			return err
		case e == nil:
			return wire.NotFound("there is no saga %q", p.name)
		case e.in.State.Terminal():
			return wire.WrongState(fmt.Sprintf("the saga is %s: there is nothing to pause", e.in.State))
		}
		if _, err := (moment{kind: "paused", message: p.reason}).insert(ctx, tx, e.seq, p.since.UnixMicro()); err != nil {
			return err
		}
	}
	if p.kind == pausedSchedule {
		if _, err := findSchedule(ctx, tx, p.name); err != nil {
			return err
		}
	}
	res, err := tx.ExecContext(ctx, `INSERT INTO pauses (kind, name, reason, since) VALUES (?, ?, ?, ?)`, string(p.kind), p.name, p.reason, p.since.UnixMicro())
	if err != nil {
		return fmt.Errorf("pause %s: %w", p.group(), err)
	}
	m.batch.pausing[p.group()] = p
	p.seq, err = res.LastInsertId()
	return err
}

// resumePause ends a pause, but for the time to be given back.
func (m *mover) resumePause(ctx context.Context, tx outbox.Tx, p *pause, reason string) error {
	now := m.clock().UnixMicro()
	if p.kind == pausedSaga {
		e, err := m.load(ctx, tx, p.name)
		if err != nil || e == nil {
			return errors.Join(err, errUnreadable)
		}
		if _, err := (moment{kind: "resumed", message: reason}).insert(ctx, tx, e.seq, now); err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(ctx, `UPDATE pauses SET resumed = ? WHERE seq = ?`, now, p.seq)
	return err
}

// dropPause forgets the pause of a saga, or schedule, that has ended: there is nothing to resume.
func (m *mover) dropPause(ctx context.Context, tx outbox.Tx, kind pauseKind, name string) error {
	p := m.pauses.find(kind, name)
	if p == nil {
		p = m.batch.pausing[groupOf(kind, name)]
	}
	if p == nil {
		return nil
	}
	m.batch.then = append(m.batch.then, func() { m.lift(p) })
	_, err := tx.ExecContext(ctx, `DELETE FROM pauses WHERE seq = ?`, p.seq)
	return err
}

// lift ends a pause, and the hold of what it parked unless another one parks the same.
func (m *mover) lift(p *pause) {
	if m.pauses.end(p) {
		m.unhold(p.group())
	}
	m.rearm()
}

// holdPaused parks again what was paused when the process ended.
func (o *Orchestrator) holdPaused() {
	for _, p := range append(o.query.pauses.list(), o.query.pauses.ending...) {
		o.relay.Hold(p.group())
	}
}

// resumeAll gives back the time that pauses have cost, whenever one is over; also one that was resumed
// before a restart.
func (o *Orchestrator) resumeAll(ctx context.Context) error {
	for {
		p := o.query.pauses.ended()
		if p == nil {
			select {
			case <-ctx.Done():
				return nil
			case <-o.resumed:
			}
			continue
		}
		_, err := o.do(ctx, &work{id: p.name, task: func(ctx context.Context, m *mover, tx outbox.Tx) error { return m.giveBack(ctx, tx, p) }})
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			o.cfg.Log.Error().Err(err).Str("pause", p.group()).Msg("lost time; trying again")
			select {
			case <-ctx.Done():
			case <-time.After(retryDeadlines):
			}
		}
	}
}

// backAtOnce bounds how many sagas are given their time back in one transaction.
const backAtOnce = 256

// giveBack gives the next sagas the time back that a pause has cost them. It moves the pause's mark in the
// same transaction: each saga gets it once.
func (m *mover) giveBack(ctx context.Context, tx outbox.Tx, p *pause) error {
	rows, err := p.concerned(ctx, tx)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if err := m.postpone(ctx, tx, p, row.ID); err != nil {
			return err
		}
		m.batch.reached[p] = row.Seq
	}
	if len(rows) < backAtOnce {
		m.batch.reached[p] = 1<<63 - 1
		m.batch.then = append(m.batch.then, func() { m.lift(p) })
		_, err = tx.ExecContext(ctx, `DELETE FROM pauses WHERE seq = ?`, p.seq)
		return err
	}
	reached := m.batch.reached[p]
	m.batch.then = append(m.batch.then, func() { m.pauses.reach(p, reached) })
	_, err = tx.ExecContext(ctx, `UPDATE pauses SET reached = ? WHERE seq = ?`, reached, p.seq)
	return err
}

type concernedRow struct {
	Seq int64
	ID  string
}

// concerned lists the live sagas behind the mark that may have lost time. Those that compensate have no
// timer. Each state is asked for by itself, for only that meets the index of live sagas.
func (p *pause) concerned(ctx context.Context, tx outbox.Tx) (rows []concernedRow, err error) {
	where, what := `id = ?`, any(p.name)
	switch p.kind {
	case pausedSchedule: // no saga loses time by it
		return nil, nil
	case pausedType:
		where = `type = ?`
	case pausedParticipant: // what is out to it has a row in the outbox; '0' comes after '/'
		where = `EXISTS (SELECT 1 FROM outbox WHERE key > sagas.id || '/' AND key < sagas.id || '0' AND instr(subject, ?) > 0)`
		what = ".command." + p.name + "."
	}
	part := func(state saga.State) string {
		return `SELECT * FROM (SELECT seq, id FROM sagas WHERE state = '` + string(state) + `' AND finished IS NULL AND seq > ? AND ` + where + ` ORDER BY seq LIMIT ?)`
	}
	reached := p.reached
	err = tx.SelectContext(ctx, &rows, part(saga.Running)+` UNION ALL `+part(saga.Suspended)+` ORDER BY seq LIMIT ?`,
		reached, what, backAtOnce, reached, what, backAtOnce, backAtOnce)
	if err != nil {
		err = fmt.Errorf("pause %s: %w", p.group(), err)
	}
	return rows, err
}

// postpone gives one saga its time back, and its timer. Time that another pause costs as well is given back
// at the end of that one.
func (m *mover) postpone(ctx context.Context, tx outbox.Tx, p *pause, id string) error {
	e, err := m.load(ctx, tx, id)
	if err != nil || e == nil {
		return ignoreUnreadable(err)
	}
	def, err := m.registry.pinned(e.in.Type, e.in.Version)
	from, ok := p.from(&e.in)
	if err != nil || !ok {
		return ignoreUnreadable(err)
	}
	return m.giveTime(ctx, tx, p, def, e, from)
}

// giveTime gives back what a saga has lost since then.
func (m *mover) giveTime(ctx context.Context, tx outbox.Tx, p *pause, def *saga.Definition, e *entry, from time.Time) error {
	now := m.clock()
	until := now
	if since, held := m.pauses.held(e, m.batch.reached, p); held && since.Before(until) {
		until = since
	}
	event := saga.Postponed{At: now, By: until.Sub(from), Reason: p.sentence()}
	next, effects := saga.Transition(def, e.in, event)
	if event.By <= 0 || !moves(effects) {
		return m.arm(ctx, tx, e, e.in.Timer(def))
	}
	return m.save(ctx, tx, &work{id: e.in.ID, event: event}, def, e, &next, effects)
}

// leavePauses gives its time back to a saga that has got an answer from a paused participant all the same, so
// that its pause is over before it is resumed, or before it is its turn to be given its time back.
func (m *mover) leavePauses(ctx context.Context, tx outbox.Tx, def *saga.Definition, before *entry) error {
	for _, p := range m.pauses.participants(before, m.batch.reached) {
		from, _ := p.from(&before.in)
		after, moved := m.batch.entries[before.in.ID]
		if !moved {
			continue
		}
		if _, still := p.from(&after.in); still {
			continue
		}
		if err := m.giveTime(ctx, tx, p, def, after, from); err != nil {
			return err
		}
	}
	return nil
}

// moves says whether a postponement has changed anything.
func moves(effects []saga.Effect) bool {
	for _, effect := range effects {
		switch effect.(type) {
		case saga.Arm, saga.Extend:
			return true
		}
	}
	return false
}

func ignoreUnreadable(err error) error {
	if errors.Is(err, errUnreadable) {
		return nil
	}
	return err
}

// prepareTask makes room for what only tasks change.
func (m *mover) prepareTask() {
	if m.batch.reached == nil {
		m.batch.pausing, m.batch.reached = make(map[string]*pause), make(map[*pause]int64)
	}
}

// applyTask runs a task of the orchestrator's own.
func (m *mover) applyTask(ctx context.Context, tx outbox.Tx, w *work) error {
	m.prepareTask()
	err := w.task(ctx, m, tx)
	var problem *wire.Problem
	if errors.As(err, &problem) {
		w.out.err, err = problem, nil
	}
	return err
}

// heldBack tells a saga that is woken whether it is paused.
func (m *mover) heldBack(event saga.Event, e *entry) saga.Event {
	woke, ok := event.(saga.Woke)
	if !ok {
		return event
	}
	woke.Held = false // what a batch that was rolled back has found need not be so any more
	if m.pauses.any() {
		_, woke.Held = m.pauses.held(e, m.batch.reached, nil)
	}
	return woke
}

// timerOf is the timer of a moved saga. While anything is paused it is always written: what stands in the
// database may be only what goes on in a pause (see setTimer), and the saga may be out of it now.
func (m *mover) timerOf(def *saga.Definition, next *saga.Instance, effects []saga.Effect) timerChange {
	t := m.timer(effects)
	if !t.changed && m.pauses.any() {
		t = timerChange{true, next.Timer(def)}
		if !t.at.IsZero() {
			m.batch.timers = append(m.batch.timers, t.at)
		}
	}
	return t
}
