package orchestrator

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/girohq/giro/internal/jet"
	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/outbox"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	musterFor      = 2 * time.Second // for participants to say hello, before the first command is sent
	caughtUpAtOnce = 64              // sagas that catch up in one transaction
)

// muster finds out, before anything is sent, whether this database is an older copy: the broker may still have
// an event or a command that is not known here, and participants tell what they have recorded. One that does not
// answer is down, or not of this version; it says hello before it serves.
func (o *Orchestrator) muster(ctx context.Context) error {
	if cause, _ := o.older.quarantined(); cause != "" {
		o.relay.Hold(holdAll)
		return nil
	}
	cause, err := o.brokerKnows(ctx)
	if err != nil && ctx.Err() == nil {
		o.cfg.Log.Warn().Err(err).Msg("the broker could not be asked what it knows")
	}
	if cause != "" {
		return o.quarantine(ctx, cause)
	}
	return o.callRoll(ctx)
}

// callRoll has every participant say hello, and waits a while for those that are known.
func (o *Orchestrator) callRoll(ctx context.Context) error {
	if err := o.cfg.Conn.Publish(o.names.API(wire.VerbCall), nil); err != nil {
		return ignoreEnd(ctx, fmt.Errorf("call the roll: %w", err))
	}
	patience := time.NewTimer(musterFor)
	defer patience.Stop()
	for len(o.silent()) > 0 {
		select {
		case <-o.older.changed:
		case <-patience.C:
			o.cfg.Log.Info().Strs("participants", o.silent()).Msg("these have not said hello yet")
			return nil
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}

// brokerHas is the last event and the last command of this store in the broker; what there is none of is zero.
type brokerHas struct {
	Event    int64  `json:"event"`   // its number
	Command  string `json:"command"` // its place in the stream
	saga     string
	revision uint64
}

// brokerKnows compares what the broker has with the database. What was there when an operator accepted an older
// copy does not count again.
func (o *Orchestrator) brokerKnows(ctx context.Context) (cause string, err error) {
	has, err := o.askBroker(ctx)
	if err != nil {
		return "", err
	}
	var seen brokerHas
	if err := readMeta(ctx, o.cfg.DB.Read(), acceptedKey, &seen); err != nil {
		return "", err
	}
	var last int64
	if err := o.cfg.DB.Read().GetContext(ctx, &last, `SELECT ifnull(max(seq), 0) FROM history`); err != nil {
		return "", err
	}
	if has.Event > max(last, seen.Event) {
		return fmt.Sprintf("the broker has event %d, the last one known here is %d", has.Event, last), nil
	}
	if has.saga == "" || has.Command == seen.Command {
		return "", nil
	}
	e, err := loadKnown(ctx, o.cfg.DB.Read(), has.saga)
	switch {
	case errors.Is(err, errUnreadable):
		return "", nil
	case err != nil:
		return "", err
	case e == nil:
		return fmt.Sprintf("the broker has a command of saga %s, which is not known here", has.saga), nil
	case !e.archived() && e.in.Revision < has.revision:
		return fmt.Sprintf("the broker has a command of revision %d of saga %s, which is at revision %d here", has.revision, has.saga, e.in.Revision), nil
	}
	return "", nil
}

func (o *Orchestrator) askBroker(ctx context.Context) (has brokerHas, err error) {
	event, _, err := o.lastOf(ctx, o.names.Events())
	if err != nil {
		return has, err
	}
	if origin, _, _ := strings.Cut(event.Get(wire.HeaderMsgID), "/"); origin == o.cfg.DB.StoreID() {
		if has.Event, err = strconv.ParseInt(event.Get(wire.HeaderEventNumber), 10, 64); err != nil {
			return has, fmt.Errorf("the last event: %w", err)
		}
	}
	command, place, err := o.lastOf(ctx, o.names.Commands())
	if err != nil || command.Get(wire.HeaderOrigin) != o.cfg.DB.StoreID() {
		return has, err
	}
	has.Command, has.saga = place, command.Get(wire.HeaderID)
	if has.revision, err = strconv.ParseUint(command.Get(wire.HeaderRevision), 10, 64); err != nil {
		err = fmt.Errorf("the last command: %w", err)
	}
	return has, err
}

// lastOf is the header of a stream's last message, and its place; nil if there is none.
func (o *Orchestrator) lastOf(ctx context.Context, name string) (h nats.Header, place string, err error) {
	ctx, cancel := context.WithTimeout(ctx, musterFor)
	defer cancel()
	stream, err := o.streams.js.Stream(ctx, name)
	if err != nil {
		return nil, "", fmt.Errorf("stream %s: %w", name, err)
	}
	info := stream.CachedInfo()
	if info.State.Msgs == 0 {
		return nil, "", nil
	}
	m, err := stream.GetMsg(ctx, info.State.LastSeq)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", fmt.Errorf("stream %s: %w", name, err)
	}
	return m.Header, fmt.Sprintf("%s/%d", jet.Incarnation(info), m.Sequence), nil
}

// acceptCopy is the verb restore.accept: the database is an older copy, and goes on from what participants know.
func (o *Orchestrator) acceptCopy(ctx context.Context, req wire.CopyRequest) (any, error) {
	if req.Reason == "" || len(req.Reason) > maxReason {
		return nil, wire.Invalid(fmt.Errorf("a reason is required, of at most %d bytes", maxReason))
	}
	if cause, _ := o.older.quarantined(); cause == "" {
		return nil, wire.WrongState("the database is not known to be an older copy: there is nothing to decide")
	}
	o.older.set(func() { clear(o.older.met) }) // what was under way has come to rest: all tell once more
	if err := o.callRoll(ctx); err != nil {
		return nil, err
	}
	if silent := o.silent(); len(silent) > 0 && !req.Force {
		return nil, wire.WrongState(fmt.Sprintf("%s: not heard of yet, and may know more. Start them, or decide without them with force", strings.Join(silent, ", ")))
	}
	has, err := o.askBroker(ctx)
	if err != nil {
		return nil, wire.Unavailable("the broker must be asked first what it has: " + oneSentence(err))
	}
	ids, err := o.strayedSagas(ctx)
	if err != nil {
		return nil, err
	}
	for some := range slices.Chunk(ids, caughtUpAtOnce) {
		if _, err := o.do(ctx, &work{id: some[0], task: func(ctx context.Context, m *mover, tx outbox.Tx) error {
			for _, id := range some {
				if err := m.catchUp(ctx, tx, id); err != nil {
					return err
				}
			}
			return nil
		}}); err != nil {
			return nil, err
		}
	}
	if _, err := o.do(ctx, &work{id: "restored", task: func(ctx context.Context, m *mover, tx outbox.Tx) error {
		m.batch.then = append(m.batch.then, func() {
			m.older.set(func() { m.older.cause = "" })
			m.unhold(holdAll)
			m.rearm()
		})
		return m.endQuarantine(ctx, tx, has, req.Reason)
	}}); err != nil {
		return nil, err
	}
	if err := o.callRoll(ctx); err != nil { // they may serve now
		return nil, err
	}
	o.cfg.Log.Warn().Str("reason", req.Reason).Msg("an older copy goes on: a person has decided")
	return o.copied(ctx, struct{}{})
}

// endQuarantine forgets it, and numbers what comes after what was there before.
func (m *mover) endQuarantine(ctx context.Context, tx outbox.Tx, has brokerHas, reason string) error {
	if _, err := tx.ExecContext(ctx, `INSERT INTO history (seq, saga, at, kind, message)
		SELECT ?1, max(seq), ?2, 'restored', ?3 FROM sagas HAVING max(seq) IS NOT NULL AND ?1 > (SELECT ifnull(max(seq), 0) FROM history)`,
		has.Event+1, m.clock().UnixMicro(), reason); err != nil {
		return err
	}
	if err := m.hearTold(ctx, tx); err != nil {
		return err
	}
	if err := writeMeta(ctx, tx, acceptedKey, has); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `DELETE FROM meta WHERE key = ?`, restoredKey)
	return err
}

// hearTold takes the commits that participants have told of for heard: they need not tell them again.
func (m *mover) hearTold(ctx context.Context, tx outbox.Tx) error {
	m.older.mu.RLock()
	told := maps.Clone(m.older.met)
	m.older.mu.RUnlock()
	for name, by := range told {
		known := m.member(name)
		if known == nil || by.commit <= known.Heard {
			continue
		}
		next := *known
		next.Heard = by.commit
		if err := m.change(ctx, tx, next); err != nil {
			return err
		}
	}
	return nil
}

// strayedSagas are those that are known here and have gone further than is known here.
func (o *Orchestrator) strayedSagas(ctx context.Context) (ids []string, err error) {
	err = o.cfg.DB.Read().SelectContext(ctx, &ids, `SELECT DISTINCT saga FROM strays WHERE EXISTS (SELECT 1 FROM sagas WHERE sagas.id = strays.saga)`)
	return ids, err
}
