package orchestrator

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/saga"
	"github.com/jmoiron/sqlx"
)

// Query reads an orchestrator's database: beside the running orchestrator, or the files of a
// stopped one. It never writes. Its methods return *wire.Problem for what the caller can mend.
type Query struct {
	db       *sqlx.DB
	registry *registry
	pauses   *pauses
	archives bool // it has the table of archived sagas
}

// OpenQuery makes a Query over a database opened with [outbox.OpenReadOnly].
func OpenQuery(ctx context.Context, db *sqlx.DB) (*Query, error) {
	r, err := openRegistry(ctx, db)
	if err != nil {
		return nil, err
	}
	p, err := openPauses(ctx, db)
	if err != nil {
		return nil, err
	}
	archives, err := hasTable(ctx, db, "archived")
	if err != nil {
		return nil, err
	}
	return &Query{db: db, registry: r, pauses: p, archives: archives}, nil
}

// hasTable says whether the database has a table. One that only an older program has written has not yet
// all of them, and is read as it is.
func hasTable(ctx context.Context, db getter, name string) (bool, error) {
	var n int
	if err := db.GetContext(ctx, &n, `SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?`, name); err != nil {
		return false, fmt.Errorf("look for table %s: %w", name, err)
	}
	return n > 0, nil
}

// Get returns one saga.
func (q *Query) Get(ctx context.Context, id string) (saga.Document, error) {
	if err := saga.CheckID("saga id", id); err != nil {
		return saga.Document{}, wire.Invalid(err)
	}
	var row sagaRow
	err := q.db.GetContext(ctx, &row, `SELECT `+sagaColumns+` FROM sagas WHERE id = ?`, id)
	if errors.Is(err, sql.ErrNoRows) {
		return q.getArchived(ctx, id)
	}
	if err != nil {
		return saga.Document{}, fmt.Errorf("get saga %s: %w", id, err)
	}
	return q.describe(&row), nil
}

func (q *Query) getArchived(ctx context.Context, id string) (saga.Document, error) {
	e, err := q.archived(ctx, id)
	if err != nil {
		return saga.Document{}, err
	}
	if e == nil {
		return saga.Document{}, wire.NotFound("there is no saga %q", id)
	}
	return e.remains(), nil
}

// archived returns what is left of an archived saga, or nil.
func (q *Query) archived(ctx context.Context, id string) (*entry, error) {
	if !q.archives {
		return nil, nil
	}
	return loadArchived(ctx, q.db, id)
}

// describe shows also a row that cannot be read, as far as it can.
func (q *Query) describe(row *sagaRow) saga.Document {
	e, err := row.entry()
	if err == nil {
		var def *saga.Definition
		if def, err = q.registry.pinned(row.Type, row.Version); err == nil && (e.in.State != saga.Suspended || e.in.Trouble != nil) {
			doc := saga.Describe(def, &e.in)
			q.pauses.explain(&doc, &e.in)
			return doc
		}
	}
	message := "the saga's row cannot be read"
	if err != nil {
		message = oneSentence(err)
	}
	return saga.Document{
		ID: row.ID, Type: row.Type, Version: row.Version, State: row.State, Input: row.Input, Steps: []saga.StepDocument{},
		Cause:   &saga.Cause{Kind: saga.CauseConflict, Code: "unreadable", Message: message},
		Created: saga.Time{Time: fromMicros(row.Created)}, Updated: saga.Time{Time: fromMicros(row.Updated)},
	}
}

// List returns a page of sagas. Those that are archived are not among them.
func (q *Query) List(ctx context.Context, req wire.ListRequest, now time.Time) (wire.List, error) {
	where, args, err := conditions(req, now)
	if err != nil {
		return wire.List{}, wire.Invalid(err)
	}
	limit := req.Limit
	if limit == 0 {
		limit = 100
	}
	var rows []sagaRow
	query := `SELECT ` + sagaColumns + ` FROM sagas` + where + ` ORDER BY seq DESC LIMIT ?`
	if err := q.db.SelectContext(ctx, &rows, query, append(args, limit+1)...); err != nil {
		return wire.List{}, fmt.Errorf("list sagas: %w", err)
	}
	page := wire.List{Items: make([]saga.Document, 0, len(rows))}
	bytes := 0
	for i := range rows {
		bytes += len(rows[i].Input) + len(rows[i].Data)
		if i == limit || i > 0 && bytes > pageBytes {
			page.Next = strconv.FormatInt(rows[i-1].Seq, 10)
			break
		}
		page.Items = append(page.Items, q.describe(&rows[i]))
	}
	return page, nil
}

// pageBytes ends a page early: an answer must stay below the megabyte that a broker takes.
const pageBytes = 256 << 10

// conditions are the WHERE of a list.
func conditions(r wire.ListRequest, now time.Time) (string, []any, error) {
	var wanted []string
	var args []any
	add := func(condition string, values ...any) {
		wanted, args = append(wanted, condition), append(args, values...)
	}
	if r.Limit < 0 || r.Limit > 1000 {
		return "", nil, fmt.Errorf("limit %d is not between 1 and 1000", r.Limit)
	}
	if r.Type != "" {
		if err := saga.CheckID("saga type", r.Type); err != nil {
			return "", nil, err
		}
		add("type = ?", r.Type)
	}
	if r.State != "" {
		state := saga.State(r.State)
		if !state.Valid() {
			return "", nil, fmt.Errorf("state %q is none of running, compensating, suspended, completed, compensated, abandoned", r.State)
		}
		add("state = '" + string(state) + "'") // a literal, for only that meets a partial index; it is one of six
		if !state.Terminal() {
			add("finished IS NULL")
		}
	}
	if r.Since != "" {
		since, err := parseSince(r.Since, now)
		if err != nil {
			return "", nil, err
		}
		add("created >= ?", since.UnixMicro())
	}
	if r.Cursor != "" {
		seq, err := strconv.ParseInt(r.Cursor, 10, 64)
		if err != nil {
			return "", nil, fmt.Errorf("cursor %q is not one that a list has given", r.Cursor)
		}
		add("seq < ?", seq)
	}
	if len(wanted) == 0 {
		return "", nil, nil
	}
	return " WHERE " + strings.Join(wanted, " AND "), args, nil
}

func parseSince(s string, now time.Time) (time.Time, error) {
	if at, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return at, nil
	}
	d, err := saga.ParseDuration(s)
	if err != nil {
		return time.Time{}, fmt.Errorf("since %q is neither an RFC 3339 time nor a duration such as 1h or 3d", s)
	}
	return now.Add(-d), nil
}

// History returns everything that moved a saga, oldest first.
func (q *Query) History(ctx context.Context, id string) (wire.History, error) {
	if err := saga.CheckID("saga id", id); err != nil {
		return wire.History{}, wire.Invalid(err)
	}
	var rows []historyRow
	err := q.db.SelectContext(ctx, &rows, `SELECT h.seq, h.at, h.kind, ifnull(h.step, '') step, ifnull(h.direction, '') direction,
		ifnull(h.attempt, 0) attempt, ifnull(h.outcome, '') outcome, ifnull(h.code, '') code, ifnull(h.message, '') message,
		ifnull(h.note, '') note, ifnull(h.event, '') event
		FROM history h JOIN sagas s ON s.seq = h.saga WHERE s.id = ? ORDER BY h.seq`, id)
	if err != nil {
		return wire.History{}, fmt.Errorf("history of saga %s: %w", id, err)
	}
	if len(rows) == 0 { // a saga that was started has at least that in its history
		return wire.History{}, q.noHistory(ctx, id)
	}
	h := wire.History{Items: make([]wire.Moment, len(rows))}
	for i, r := range rows {
		h.Items[i] = r.moment()
	}
	return h, nil
}

func (q *Query) noHistory(ctx context.Context, id string) error {
	e, err := q.archived(ctx, id)
	switch {
	case err != nil:
		return err
	case e == nil:
		return wire.NotFound("there is no saga %q", id)
	}
	return wire.NotFound("saga %q is archived: it was %s at %s, and its history is not kept any more", id, e.in.State, e.in.Finished.Format(time.RFC3339))
}

type historyRow struct {
	Seq       int64
	At        int64
	Kind      string
	Step      string
	Direction saga.Direction
	Attempt   int
	Outcome   saga.Outcome
	Code      string
	Message   string
	Note      string
	Event     string
}

func (r historyRow) moment() wire.Moment {
	return wire.Moment{Number: r.Seq, At: saga.Time{Time: fromMicros(r.At)}, Event: r.Kind, Step: r.Step, Direction: r.Direction, Attempt: r.Attempt,
		Outcome: r.Outcome, Code: r.Code, Message: r.Message, Note: r.Note, Lifecycle: strings.Fields(r.Event)}
}

const eventsMark = "events_published"

// loadMark reads the number up to which all events were published.
func loadMark(ctx context.Context, db getter) (int64, error) {
	var n int64
	err := db.GetContext(ctx, &n, `SELECT value FROM meta WHERE key = ?`, eventsMark)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return n, err
}

func saveMark(ctx context.Context, tx outbox.Tx, n int64) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
		eventsMark, strconv.FormatInt(n, 10))
	return err
}

// eventsAtOnce bounds one round of repeating events.
const eventsAtOnce = 1000

// eventsAfter returns the lifecycle events with a higher number, with their sagas as they stand; not
// more than those of limit rows.
func eventsAfter(ctx context.Context, db *sqlx.DB, number int64, limit int) ([]lifecycle, error) {
	return selectEvents(ctx, db, `h.seq > ?`, limit, number)
}

// eventsOf returns those of one saga.
func eventsOf(ctx context.Context, db *sqlx.DB, id string, number int64, limit int) ([]lifecycle, error) {
	return selectEvents(ctx, db, `s.id = ? AND h.seq > ?`, limit, id, number)
}

func selectEvents(ctx context.Context, db *sqlx.DB, where string, limit int, args ...any) ([]lifecycle, error) {
	var rows []struct {
		Number int64
		Event  string
		sagaRow
	}
	err := db.SelectContext(ctx, &rows, `SELECT h.seq number, h.event, s.seq, s.id, s.type, s.version, s.state, s.revision, s.created, s.updated,
		s.finished, s.deadline, s.input, s.data
		FROM history h JOIN sagas s ON s.seq = h.saga WHERE `+where+` AND h.event IS NOT NULL ORDER BY h.seq LIMIT ?`, append(args, limit)...)
	if err != nil {
		return nil, fmt.Errorf("events: %w", err)
	}
	var events []lifecycle
	for i := range rows {
		e, err := rows[i].entry()
		if err != nil {
			continue // it is suspended by itself and seen there
		}
		for name := range strings.FieldsSeq(rows[i].Event) {
			events = append(events, lifecycle{rows[i].Number, name, e})
		}
	}
	return events, nil
}
