package orchestrator

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/saga"
)

// Schedules live in their table alone: one that is not due costs no memory. The transaction that starts a
// tick's saga also stores the next tick, and the saga's id is made of the tick, so a crash between two
// ticks, or a tick looked at twice, starts nothing twice.

const (
	tickGrace      = 2 * time.Minute // a tick that is looked at later was missed
	maxMissed      = 1000            // starts for missed ticks, at most
	schedulesATurn = 64
	maxSchedules   = 1000 // in a page of a list
)

const scheduleColumns = `name, source, applied, next, last, saga, problem, starts, missed`

// scheduleRow is a row of the table.
type scheduleRow struct {
	Name    string
	Source  []byte
	Applied int64
	Next    sql.NullInt64
	Last    sql.NullInt64
	Saga    sql.NullString
	Problem sql.NullString
	Starts  int
	Missed  int
}

func (r *scheduleRow) describe() wire.Schedule {
	d := wire.Schedule{Name: r.Name, Schedule: r.Source, Applied: saga.Time{Time: fromMicros(r.Applied)}, LastSaga: r.Saga.String, Problem: r.Problem.String,
		Starts: r.Starts, Missed: r.Missed}
	if r.Next.Valid {
		d.Next = &saga.Time{Time: fromMicros(r.Next.Int64)}
	}
	if r.Last.Valid {
		d.Last = &saga.Time{Time: fromMicros(r.Last.Int64)}
	}
	return d
}

func findSchedule(ctx context.Context, db getter, name string) (*scheduleRow, error) {
	row := &scheduleRow{}
	err := db.GetContext(ctx, row, `SELECT `+scheduleColumns+` FROM schedules WHERE name = ?`, name)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, noSchedule(name)
	}
	if err != nil {
		return nil, fmt.Errorf("schedule %s: %w", name, err)
	}
	return row, nil
}

func noSchedule(name string) error {
	return wire.NotFound("there is no schedule %q: see `giro schedules list`", name)
}

// timetable is a schedule with what its cron expression means.
type timetable struct {
	*saga.Schedule
	cadence *cadence
}

func readTimetable(source []byte) (*timetable, error) {
	s, err := saga.ParseSchedule("schedule", source)
	if err != nil {
		return nil, err
	}
	c, err := parseCadence(s.Cron, s.Zone)
	return &timetable{s, c}, err
}

// after is the next tick; zero: none comes any more.
func (t *timetable) after(at time.Time) time.Time {
	next := t.cadence.next(at)
	if !t.Until.IsZero() && next.After(t.Until) {
		return time.Time{}
	}
	return next
}

// request is the start that a tick makes.
func (t *timetable) request(tick time.Time) startRequest {
	return startRequest{sagaType: t.Saga, id: t.SagaID(tick), input: t.Input(tick), pinned: t.Version}
}

// due says which ticks start a saga now, of those from the one that is stored. What is late was missed.
func (t *timetable) due(from, now time.Time) (ticks []time.Time) {
	until := now
	if !t.Until.IsZero() && t.Until.Before(until) {
		until = t.Until
	}
	late := now.Add(-tickGrace)
	onTime := t.cadence.latest(latest(from, late), until, maxMissed)
	if !from.Before(late) {
		return onTime
	}
	if until.Before(late) {
		late = until.Add(time.Nanosecond)
	}
	switch missed := late.Add(-time.Nanosecond); t.Missed {
	case saga.MissedAll:
		return append(t.cadence.latest(from, missed, maxMissed), onTime...)
	case saga.MissedOnce:
		if len(onTime) == 0 {
			return t.cadence.latest(from, missed, 1)
		}
	}
	return onTime
}

// applySchedule stores a schedule, given as JSON or YAML. The same again changes nothing.
func (o *Orchestrator) applySchedule(ctx context.Context, body []byte) (any, error) {
	t, err := readTimetable(body)
	if err != nil {
		return nil, wire.Invalid(err)
	}
	now := o.clock()
	next := t.after(now)
	if next.IsZero() {
		return nil, wire.Invalid(errors.New("it never ticks: look at cron and until"))
	}
	if _, err := o.registry.check(t.request(next)); err != nil {
		return nil, err
	}
	var answer wire.Schedule
	_, err = o.do(ctx, &work{id: t.Name, task: func(ctx context.Context, m *mover, tx outbox.Tx) error {
		before, err := findSchedule(ctx, tx, t.Name)
		var none *wire.Problem
		if err != nil && !errors.As(err, &none) {
			return err
		}
		if before != nil && before.Next.Valid && bytes.Equal(before.Source, t.Source()) { // one that was stopped begins again
			answer = before.describe()
			return nil
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO schedules (name, source, applied, next) VALUES (?, ?, ?, ?)
			ON CONFLICT (name) DO UPDATE SET source = excluded.source, applied = excluded.applied, next = excluded.next, problem = NULL`,
			t.Name, []byte(t.Source()), now.UnixMicro(), next.UnixMicro()); err != nil {
			return fmt.Errorf("schedule %s: %w", t.Name, err)
		}
		m.batch.timers = append(m.batch.timers, next)
		after, err := findSchedule(ctx, tx, t.Name)
		if err == nil {
			answer = after.describe()
			answer.Created, answer.Changed = before == nil, before != nil
		}
		return err
	}})
	if err != nil { // the loop may be at it still, when ctx has ended
		return nil, err
	}
	return answer, nil
}

func (o *Orchestrator) listSchedules(ctx context.Context, req wire.ScheduleListRequest) (any, error) {
	return o.query.Schedules(ctx, req)
}

func (o *Orchestrator) getSchedule(ctx context.Context, req wire.ScheduleRequest) (any, error) {
	return o.query.Schedule(ctx, req.Name)
}

// deleteSchedule ends a schedule; what it has started goes on.
func (o *Orchestrator) deleteSchedule(ctx context.Context, req wire.ScheduleRequest) (any, error) {
	if err := saga.CheckID("schedule", req.Name); err != nil {
		return nil, wire.Invalid(err)
	}
	var answer wire.Schedule
	_, err := o.do(ctx, &work{id: req.Name, task: func(ctx context.Context, m *mover, tx outbox.Tx) error {
		row, err := findSchedule(ctx, tx, req.Name)
		if err != nil {
			return err
		}
		answer = row.describe()
		if err := m.dropPause(ctx, tx, pausedSchedule, req.Name); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM schedules WHERE name = ?`, req.Name)
		return err
	}})
	if err != nil { // the loop may be at it still, when ctx has ended
		return nil, err
	}
	return answer, nil
}

// Schedules lists a page of schedules, by name.
func (q *Query) Schedules(ctx context.Context, req wire.ScheduleListRequest) (wire.ScheduleList, error) {
	var rows []scheduleRow
	list := wire.ScheduleList{Items: []wire.Schedule{}}
	if known, err := hasTable(ctx, q.db, "schedules"); err != nil || !known {
		return list, err
	}
	err := q.db.SelectContext(ctx, &rows, `SELECT `+scheduleColumns+` FROM schedules WHERE name > ? ORDER BY name LIMIT ?`, req.Cursor, maxSchedules+1)
	if err != nil {
		return list, fmt.Errorf("list schedules: %w", err)
	}
	if len(rows) > maxSchedules {
		rows = rows[:maxSchedules]
		list.Next = rows[maxSchedules-1].Name
	}
	for i := range rows {
		list.Items = append(list.Items, rows[i].describe())
	}
	return list, nil
}

// Schedule returns one schedule.
func (q *Query) Schedule(ctx context.Context, name string) (wire.Schedule, error) {
	if err := saga.CheckID("schedule", name); err != nil {
		return wire.Schedule{}, wire.Invalid(err)
	}
	known, err := hasTable(ctx, q.db, "schedules")
	if err != nil {
		return wire.Schedule{}, err
	}
	if !known {
		return wire.Schedule{}, noSchedule(name)
	}
	row, err := findSchedule(ctx, q.db, name)
	if err != nil {
		return wire.Schedule{}, err
	}
	return row.describe(), nil
}
