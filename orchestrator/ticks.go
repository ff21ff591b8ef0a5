package orchestrator

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/outbox"
)

// ticks starts what schedules say, when it is due. It is asked by the timers, which watch the clock.
type ticks struct {
	db  getterAll
	do  func(context.Context, *work) (outcome, error)
	now func() time.Time
}

// getterAll reads rows.
type getterAll interface {
	SelectContext(ctx context.Context, dest any, query string, args ...any) error
}

// fire handles the schedules that are due and returns how long to wait for the next.
func (t *ticks) fire(ctx context.Context) (time.Duration, error) {
	var rows []struct {
		Name string
		Next int64
	}
	if err := t.db.SelectContext(ctx, &rows, `SELECT name, next FROM schedules WHERE next IS NOT NULL
		AND name NOT IN (SELECT name FROM pauses WHERE kind = 'schedule' AND resumed IS NULL) ORDER BY next LIMIT ?`, schedulesATurn); err != nil {
		return 0, fmt.Errorf("schedules: %w", err)
	}
	now := t.now()
	for _, row := range rows {
		if at := fromMicros(row.Next); at.After(now) {
			return min(lookAtTimers, at.Sub(now)), nil
		}
		_, err := t.do(ctx, &work{id: row.Name, task: func(ctx context.Context, m *mover, tx outbox.Tx) error { return m.tick(ctx, tx, row.Name) }})
		if err != nil {
			return 0, fmt.Errorf("schedule %s: %w", row.Name, err)
		}
	}
	if len(rows) == schedulesATurn {
		return 0, nil
	}
	return lookAtTimers, nil
}

// tick starts the sagas of the ticks that are due, and stores the next one.
func (m *mover) tick(ctx context.Context, tx outbox.Tx, name string) error {
	row, err := findSchedule(ctx, tx, name)
	var gone *wire.Problem
	if errors.As(err, &gone) {
		return nil
	}
	now := m.clock()
	if err != nil || !row.Next.Valid || fromMicros(row.Next.Int64).After(now) || m.pauses.find(pausedSchedule, name) != nil {
		return err // it was handled, or paused, meanwhile
	}
	t, err := readTimetable(row.Source)
	if err != nil { // a newer program has written it; others must not wait for it
		return m.stopSchedule(ctx, tx, name, err)
	}
	due := t.due(fromMicros(row.Next.Int64), now)
	for _, tick := range due {
		if err := m.startTick(ctx, tx, t, tick); err != nil {
			return err
		}
	}
	next := t.after(now)
	if !next.IsZero() {
		m.batch.timers = append(m.batch.timers, next)
	}
	missed := 0
	if len(due) == 0 || due[0].After(fromMicros(row.Next.Int64)) {
		missed = 1
	}
	_, err = tx.ExecContext(ctx, `UPDATE schedules SET next = ?, missed = missed + ? WHERE name = ?`, micros(next), missed, name)
	return err
}

// startTick starts one saga. That it cannot start is told in the schedule: the next tick may be luckier.
func (m *mover) startTick(ctx context.Context, tx outbox.Tx, t *timetable, tick time.Time) error {
	request := t.request(tick)
	b, err := m.registry.check(request)
	started := 0
	if err == nil {
		b.note = "by schedule " + t.Name
		w := &work{id: request.id, begin: b}
		if failed := m.applyStart(ctx, tx, w); failed != nil {
			return failed
		}
		err = w.out.err
		if w.out.created {
			started = 1
		}
	}
	var id, problem any = request.id, nil
	if err != nil {
		id, problem = nil, oneSentence(err)
	}
	_, err = tx.ExecContext(ctx, `UPDATE schedules SET last = ?, saga = ?, problem = ?, starts = starts + ? WHERE name = ?`,
		tick.UnixMicro(), id, problem, started, t.Name)
	return err
}

func (m *mover) stopSchedule(ctx context.Context, tx outbox.Tx, name string, cause error) error {
	_, err := tx.ExecContext(ctx, `UPDATE schedules SET next = NULL, problem = ? WHERE name = ?`, oneSentence(cause), name)
	return err
}
