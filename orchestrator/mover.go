package orchestrator

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"github.com/girohq/giro/internal/tracing"
	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/races"
	"github.com/girohq/giro/saga"
)

// mover is the loop's worker: it moves sagas inside the batch's transaction and remembers what
// must happen after the commit. It belongs to the loop's goroutine.
type mover struct {
	names    wire.Names
	origin   string
	registry *registry
	cache    *cache
	pauses   *pauses
	members  *members
	older    *olderCopy
	park     func(group string)
	unhold   func(group string)
	resumed  func() // a pause is over
	rearm    func() // the timers look again
	after    func(batch *batch, items []*work)
	failed   func(w *work, err error)
	now      func() time.Time
	races    *races.Counts
	tracer   *tracing.Tracer
	room     *room
	inMemory *atomic.Int64 // sagas in the cache, for whoever looks from outside

	batch   *batch
	errands []errand // of the work that is applied now
	begun   int      // children that its errands have begun
	source  *source  // of the reply that is applied now; nil: it is none, or does not say
}

// Begin forgets the batch that was not committed.
func (m *mover) Begin() {
	m.batch = &batch{entries: make(map[string]*entry)}
}

// Committed makes the batch true and hands it on.
func (m *mover) Committed(items []*work) {
	b := m.batch
	for id, e := range b.entries {
		m.cache.put(id, e)
	}
	m.room.moved(b.opened, b.closed)
	m.inMemory.Store(int64(len(m.cache.entries)))
	m.members.replace(b.members)
	for _, k := range b.raced {
		m.races.Add(k)
	}
	for _, span := range b.spans {
		span.End()
	}
	for _, do := range b.then {
		do()
	}
	m.after(b, items)
}

// Failed tells the caller; the work did not happen.
func (m *mover) Failed(w *work, err error) {
	w.out = outcome{err: err}
	m.failed(w, err)
	w.finish()
}

// Apply does one work in the transaction.
func (m *mover) Apply(tx outbox.Tx, w *work) error {
	ctx := context.Background()
	w.out, w.stale, m.errands, m.begun, m.source = outcome{}, false, m.errands[:0], 0, nil
	taken, err := true, error(nil)
	if w.mark.Commit > 0 {
		taken, err = m.hear(ctx, tx, w.mark)
	}
	switch {
	case err != nil:
		return err
	case !taken:
		w.stale = true
		return nil
	case w.begin != nil:
		err = m.applyStart(ctx, tx, w)
	case w.event != nil:
		err = m.applyEvent(ctx, tx, w)
	case w.task != nil:
		err = m.applyTask(ctx, tx, w)
	default: // a message that was only passed through, to be acknowledged in its turn
		return nil
	}
	if err != nil || len(m.errands) == 0 {
		return err
	}
	if err := m.runErrands(ctx, tx); err != nil {
		return err
	}
	if w.out.entry != nil { // an errand may have come back to this saga
		if now, ok := m.batch.entries[w.id]; ok {
			w.out.entry = now
		}
	}
	return nil
}

// applyStart inserts first and looks afterwards: nearly every start is new, and the unique id
// decides between two at once.
func (m *mover) applyStart(ctx context.Context, tx outbox.Tx, w *work) error {
	if e, ok := m.remembered(w.id); ok {
		return m.repeated(w, e)
	}
	span, root := m.traceStart(w.id, w.begin.def.Name, w.begin.trace)
	event := saga.Started{At: m.clock(), ID: w.id, Input: w.begin.input, Deadline: w.begin.deadline, Start: w.begin.start, Trace: root, Note: w.begin.note}
	next, effects := saga.Transition(w.begin.def, saga.Instance{}, event)
	if refused := m.refuses(w.begin, effects); refused != nil { // a repeat of a known start is answered nevertheless
		known, err := loadKnown(ctx, tx, w.id)
		if err != nil {
			return err
		}
		if known != nil {
			return m.repeated(w, known)
		}
		w.out = outcome{err: refused}
		return nil
	}
	ok, err := m.insert(ctx, tx, w, &next, event, effects)
	if err != nil {
		return err
	}
	if !ok {
		known, err := loadKnown(ctx, tx, w.id)
		if err != nil {
			return err
		}
		return m.repeated(w, known)
	}
	m.batch.traced(span)
	if m.older.strays(w.id) { // it was lost with a newer database, and participants know of it
		m.prepareTask()
		err = m.catchUp(ctx, tx, w.id)
		w.out.entry = m.batch.entries[w.id]
		return err
	}
	return nil
}

// insert stores a new saga. It returns false, and has written nothing, when its id is taken.
func (m *mover) insert(ctx context.Context, tx outbox.Tx, w *work, next *saga.Instance, event saga.Event, effects []saga.Effect) (bool, error) {
	seq, ok, err := insertSaga(ctx, tx, next, m.timer(effects).at)
	if err != nil || !ok {
		return false, err
	}
	w.out = outcome{entry: &entry{seq: seq, in: *next}, created: true}
	m.batch.opened++
	return true, m.write(ctx, tx, w.out.entry, event, effects)
}

// repeated answers the start of a saga that exists: the same one, or a refusal.
func (m *mover) repeated(w *work, known *entry) error {
	w.out.entry = known
	kind := races.StartDeduplicated
	if !w.begin.asksFor(known) {
		w.out = outcome{err: wire.OtherInput(w.id)}
		kind = races.StartConflict
	}
	m.batch.race(kind)
	return nil
}

func (m *mover) applyEvent(ctx context.Context, tx outbox.Tx, w *work) error {
	before, err := m.load(ctx, tx, w.id)
	if errors.Is(err, errUnreadable) {
		return m.suspendUnreadable(ctx, tx, w, err)
	}
	if err != nil {
		return err
	}
	if before == nil {
		w.out.err = wire.NotFound("there is no saga %q", w.id)
		return nil
	}
	w.out.entry = before
	def, err := m.registry.pinned(before.in.Type, before.in.Version)
	if err != nil {
		return m.suspendUnreadable(ctx, tx, w, err)
	}
	w.event = m.heldBack(w.event, before)
	next, effects := saga.Transition(def, before.in, w.event)
	if err := m.save(ctx, tx, w, def, before, &next, effects); err != nil || !m.pauses.any() {
		return err
	}
	if err := m.leavePauses(ctx, tx, def, before); err != nil {
		return err
	}
	if now, ok := m.batch.entries[w.id]; ok && w.out.entry != nil {
		w.out.entry = now
	}
	return nil
}

func (m *mover) save(ctx context.Context, tx outbox.Tx, w *work, def *saga.Definition, before *entry, next *saga.Instance, effects []saga.Effect) error {
	if len(effects) == 1 {
		switch e := effects[0].(type) {
		case saga.Unchanged:
			m.batch.lost(w.event, e)
			m.traceReply(w, &before.in, true)
			return m.setTimer(ctx, tx, w, def, before)
		case saga.Refused:
			w.out.err = wire.WrongState(e.Reason)
			return nil
		}
	}
	if err := updateSaga(ctx, tx, before.seq, before.in.Revision, next, m.timerOf(def, next, effects)); err != nil {
		return err
	}
	m.batch.settled(w.event, &before.in)
	m.traceReply(w, &before.in, false)
	w.out.entry = &entry{seq: before.seq, in: *next}
	return m.write(ctx, tx, w.out.entry, w.event, effects)
}

// setTimer puts right a timer that fired for nothing: a clock was set, or the saga has gone on meanwhile.
func (m *mover) setTimer(ctx context.Context, tx outbox.Tx, w *work, def *saga.Definition, e *entry) error {
	woke, ok := w.event.(saga.Woke)
	switch {
	case !ok:
		return nil
	case woke.Held:
		return m.arm(ctx, tx, e, e.in.HeldTimer(def))
	}
	return m.arm(ctx, tx, e, e.in.Timer(def))
}

func (m *mover) arm(ctx context.Context, tx outbox.Tx, e *entry, at time.Time) error {
	if !at.IsZero() {
		m.batch.timers = append(m.batch.timers, at)
	}
	_, err := tx.ExecContext(ctx, `UPDATE sagas SET timer = ? WHERE seq = ?`, micros(at), e.seq)
	return err
}

// write turns the effects into rows, and remembers what to do about them after the commit.
func (m *mover) write(ctx context.Context, tx outbox.Tx, e *entry, event saga.Event, effects []saga.Effect) error {
	moment := momentOf(event, effects, &e.in)
	if moment.kind == momentReplied {
		moment.source = m.source
	}
	number, err := moment.insert(ctx, tx, e.seq, e.in.Updated.UnixMicro())
	if err != nil {
		return err
	}
	_, again := m.batch.entries[e.in.ID]
	m.batch.entries[e.in.ID] = e
	for _, name := range moment.events {
		m.batch.events = append(m.batch.events, lifecycle{number, name, e})
	}
	for _, effect := range effects {
		switch eff := effect.(type) {
		case saga.Send:
			if err := m.putCommand(tx, eff, &e.in); err != nil {
				return err
			}
		case saga.Release:
			if err := outbox.Delete(tx, eff.Op); err != nil {
				return err
			}
			m.batch.release(eff.Op, again)
		case saga.Extend:
			if err := m.extend(tx, eff); err != nil {
				return err
			}
		case saga.Finish:
			m.batch.closed++
			m.traceEnd(&e.in)
			if err := m.dropPause(ctx, tx, pausedSaga, e.in.ID); err != nil {
				return err
			}
		case saga.StartChild:
			m.errands = append(m.errands, errand{child: &eff, trace: e.in.Trace})
		case saga.Tell:
			m.errands = append(m.errands, errand{id: eff.Saga, event: eff.Event})
		}
	}
	return nil
}

func (m *mover) putCommand(tx outbox.Tx, s saga.Send, in *saga.Instance) error {
	m.traceSend(&s.Command, in)
	subject, header := wire.EncodeCommand(m.names, s.Command, m.origin)
	msg := outbox.Message{
		Key: s.Command.Op(), Subject: subject, Header: header, Body: s.Command.Body, Attempt: s.Command.Attempt, Timeout: s.Timeout,
	}
	if s.After > 0 {
		msg.NotBefore = time.Now().Add(s.After) // the relay's clock, which is not that of the sagas
	}
	if err := outbox.Put(tx, msg); err != nil {
		return err
	}
	m.batch.commands = append(m.batch.commands, msg)
	return nil
}

// extend moves the times in a command's header: in the outbox, and where this very batch has enqueued it.
func (m *mover) extend(tx outbox.Tx, e saga.Extend) error {
	move := func(header map[string][]string) { wire.Postpone(header, e.Deadline, e.Expires) }
	for i := range m.batch.commands {
		if c := &m.batch.commands[i]; c.Key == e.Op && c.Subject != "" {
			move(c.Header)
		}
	}
	return outbox.Amend(tx, e.Op, move)
}

func (m *mover) timer(effects []saga.Effect) timerChange {
	var t timerChange
	for _, effect := range effects {
		if arm, ok := effect.(saga.Arm); ok {
			t = timerChange{true, arm.At}
			if !arm.At.IsZero() {
				m.batch.timers = append(m.batch.timers, arm.At)
			}
		}
	}
	return t
}

// load finds a saga where it was last changed: in this batch, in memory, in the database. Of one that is archived
// that is little; but it has ended, and no event moves it.
func (m *mover) load(ctx context.Context, tx outbox.Tx, id string) (*entry, error) {
	if e, ok := m.remembered(id); ok {
		return e, nil
	}
	return loadKnown(ctx, tx, id)
}

func (m *mover) remembered(id string) (*entry, bool) {
	if e, ok := m.batch.entries[id]; ok {
		return e, true
	}
	return m.cache.get(id)
}

// suspendUnreadable sets a saga aside whose row, or definition, cannot be read: the others of the
// batch go on, and a person sees it in the list of suspended sagas.
func (m *mover) suspendUnreadable(ctx context.Context, tx outbox.Tx, w *work, cause error) error {
	w.out.err = wire.WrongState(oneSentence(cause))
	if _, woke := w.event.(saga.Woke); woke { // it will not be found due again and again, before those of others
		if _, err := tx.ExecContext(ctx, `UPDATE sagas SET timer = ? WHERE id = ? AND finished IS NULL`,
			m.clock().Add(lookAtTimers).UnixMicro(), w.id); err != nil {
			return err
		}
	}
	res, err := tx.ExecContext(ctx, `UPDATE sagas SET state = ? WHERE id = ? AND finished IS NULL AND state <> ?`,
		string(saga.Suspended), w.id, string(saga.Suspended))
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO history (saga, at, kind, message) SELECT seq, ?, 'unreadable', ? FROM sagas WHERE id = ?`,
		m.clock().UnixMicro(), oneSentence(cause), w.id)
	return err
}

// clock reads the time for an event, to the microsecond that the database keeps.
func (m *mover) clock() time.Time { return m.now().UTC().Truncate(time.Microsecond) }

func oneSentence(err error) string { return strings.ReplaceAll(err.Error(), "\n", " ") }
