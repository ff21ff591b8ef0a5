package orchestrator

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/saga"
	"github.com/jmoiron/sqlx"
)

// olderCopy is what is known of this database being an older copy: whether it is quarantined, which is in the
// table meta, and which sagas participants know and it does not, which is in the table strays. While it is
// quarantined nothing is sent, no timer fires, and no operator moves a saga; starts and replies are taken.
type olderCopy struct {
	mu      sync.RWMutex
	cause   string // "": it is not
	since   time.Time
	strayed map[string]bool    // sagas with rows in strays
	met     map[string]meeting // participants that have said hello to this process
	changed chan struct{}      // has room for one: met, or the cause, has changed
}

// meeting is up to which commit a participant has told all, by which of its processes.
type meeting struct {
	session string
	commit  int64
}

const (
	restoredKey = "restored" // in meta: that it is an older copy
	acceptedKey = "accepted" // in meta: what the broker had when that was accepted
	holdAll     = "all"      // the relay's group of every command
	maxTidied   = 1000       // sagas that are looked at for one restore.get
)

// restoredRow is the value in meta.
type restoredRow struct {
	Cause string    `json:"cause"`
	Since time.Time `json:"since"`
}

func openCopy(ctx context.Context, db *sqlx.DB) (*olderCopy, error) {
	c := &olderCopy{strayed: make(map[string]bool), met: make(map[string]meeting), changed: make(chan struct{}, 1)}
	var row restoredRow
	if err := readMeta(ctx, db, restoredKey, &row); err != nil {
		return nil, err
	}
	c.cause, c.since = row.Cause, row.Since
	var ids []string
	if err := db.SelectContext(ctx, &ids, `SELECT DISTINCT saga FROM strays`); err != nil {
		return nil, fmt.Errorf("load what is known of an older copy: %w", err)
	}
	for _, id := range ids {
		c.strayed[id] = true
	}
	return c, nil
}

func (c *olderCopy) quarantined() (cause string, since time.Time) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.cause, c.since
}

func (c *olderCopy) strays(id string) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return len(c.strayed) > 0 && c.strayed[id]
}

func (c *olderCopy) set(do func()) {
	c.mu.Lock()
	do()
	c.mu.Unlock()
	select {
	case c.changed <- struct{}{}:
	default:
	}
}

// health says that it is quarantined.
func (c *olderCopy) health() error {
	if cause, _ := c.quarantined(); cause != "" {
		return fmt.Errorf("%s; nothing is sent: see giro restore", cause)
	}
	return nil
}

// refuse keeps operators from moving sagas that have perhaps gone another way.
func (c *olderCopy) refuse() error {
	if cause, _ := c.quarantined(); cause != "" {
		return wire.Unavailable(cause + ": decide that first, with giro restore accept")
	}
	return nil
}

// decided says whether what a participant tells comes late: while this was known to be an older copy it had told
// all up to that commit, and a person has decided about it.
func (c *olderCopy) decided(t wire.Told, commit int64) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	known, met := c.met[t.Name]
	return met && c.cause == "" && known.session == t.Session && commit <= known.commit
}

// silent are the participants that serve and have not said hello yet.
func (o *Orchestrator) silent() []string {
	o.older.mu.RLock()
	defer o.older.mu.RUnlock()
	var names []string
	for _, m := range o.members.list() {
		if _, met := o.older.met[m.Name]; !met && !m.quarantined() {
			names = append(names, m.Name)
		}
	}
	return names
}

// quarantine stops all sending, because the database is an older copy.
func (o *Orchestrator) quarantine(ctx context.Context, cause string) error {
	if known, _ := o.older.quarantined(); known != "" {
		return nil
	}
	row := restoredRow{cause, o.clock()}
	o.relay.Hold(holdAll)
	o.older.set(func() { o.older.cause, o.older.since = row.Cause, row.Since })
	o.cfg.Log.Error().Str("cause", cause).Msg("this database is an older copy: nothing is sent until a person decides, see giro restore")
	return o.cfg.DB.Write(ctx, func(tx outbox.Tx) error { return writeMeta(ctx, tx, restoredKey, row) })
}

// readMeta reads a JSON value of the table meta; it leaves into as it is where there is none.
func readMeta(ctx context.Context, db getter, key string, into any) error {
	var text string
	err := db.GetContext(ctx, &text, `SELECT value FROM meta WHERE key = ?`, key)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal([]byte(text), into)
	}
	if err != nil {
		return fmt.Errorf("meta %s: %w", key, err)
	}
	return nil
}

func writeMeta(ctx context.Context, tx outbox.Tx, key string, value any) error {
	text, err := json.Marshal(value)
	if err == nil {
		_, err = tx.ExecContext(ctx, `INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value`, key, string(text))
	}
	if err != nil {
		return fmt.Errorf("meta %s: %w", key, err)
	}
	return nil
}

// copied is the verb restore.get. What has got there by itself meanwhile is forgotten first.
func (o *Orchestrator) copied(ctx context.Context, _ struct{}) (any, error) {
	if cause, _ := o.older.quarantined(); cause == "" {
		if err := o.tidyStrays(ctx); err != nil {
			return nil, err
		}
	}
	c := wire.Copy{Sagas: []wire.StrayedRow{}, Silent: o.silent()}
	var since time.Time
	c.Cause, since = o.older.quarantined()
	if c.Quarantined = c.Cause != ""; c.Quarantined {
		c.Since = &saga.Time{Time: since}
	}
	const known = `EXISTS (SELECT 1 FROM sagas WHERE sagas.id = strays.saga)`
	var n struct{ Lost, Ahead int }
	err := o.cfg.DB.Read().GetContext(ctx, &n, `SELECT count(*) FILTER (WHERE NOT known) AS lost, count(*) FILTER (WHERE known) AS ahead
		FROM (SELECT DISTINCT saga, `+known+` AS known FROM strays)`)
	if err == nil {
		c.Lost, c.Ahead = n.Lost, n.Ahead
		err = o.cfg.DB.Read().SelectContext(ctx, &c.Sagas, `SELECT saga, `+known+` AS known, step, participant, state FROM strays ORDER BY saga, step LIMIT 1000`)
	}
	if err != nil {
		return nil, fmt.Errorf("restore: %w", err)
	}
	return c, nil
}

func (o *Orchestrator) tidyStrays(ctx context.Context) error {
	ids, err := o.strayedSagas(ctx)
	if err != nil || len(ids) == 0 {
		return err
	}
	_, err = o.do(ctx, &work{id: ids[0], task: func(ctx context.Context, m *mover, tx outbox.Tx) error {
		for _, id := range ids[:min(len(ids), maxTidied)] {
			if _, err := m.forgetStrays(ctx, tx, id); err != nil {
				return err
			}
		}
		return nil
	}})
	return err
}

// tell takes what a participant knows above what was heard of it. A step that was never sent from here shows that
// this database is an older copy. Once that is known, answers to what was sent are kept too: see catchUp.
func (o *Orchestrator) tell(ctx context.Context, t wire.Told) (any, error) {
	if err := t.Check(); err != nil {
		return nil, wire.Invalid(err)
	}
	if o.members.find(t.Name) == nil {
		return nil, wire.WrongState("say hello first")
	}
	var strayed []string
	var ids []string
	_, err := o.do(ctx, &work{id: t.Name, task: func(ctx context.Context, m *mover, tx outbox.Tx) error {
		strayed, ids = strayed[:0], ids[:0]
		older, _ := m.older.quarantined()
		for _, row := range t.Rows {
			known, live, err := m.knows(ctx, tx, row)
			if err != nil {
				return err
			}
			if known && (older == "" || !live) || !known && m.older.decided(t, row.Commit) {
				continue
			}
			if ids = append(ids, row.Saga); !known && older == "" { // else a person may decide about it before it is said
				strayed = append(strayed, row.Saga)
			}
			if err := insertStray(ctx, tx, t.Name, row); err != nil {
				return err
			}
		}
		return nil
	}})
	if err != nil {
		return nil, err
	}
	o.older.set(func() {
		for _, id := range ids {
			o.older.strayed[id] = true
		}
	})
	if len(strayed) == 0 {
		return struct{}{}, nil
	}
	return struct{}{}, o.quarantine(ctx, fmt.Sprintf("participant %s knows steps that are not known here, such as one of saga %s", t.Name, strayed[0]))
}

func insertStray(ctx context.Context, tx outbox.Tx, participant string, r wire.KnownRow) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO strays (saga, step, participant, state, backward, outcome, code, message, result, undo, committed)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (saga, step) DO UPDATE SET state = excluded.state, backward = excluded.backward,
		outcome = excluded.outcome, code = excluded.code, message = excluded.message, result = excluded.result, undo = excluded.undo,
		committed = excluded.committed`, r.Saga, r.Step, participant, string(r.State), r.Backward, string(r.Outcome), r.Code, r.Message,
		[]byte(r.Result), []byte(r.Undo), r.Commit)
	if err != nil {
		return fmt.Errorf("strayed step %s/%s: %w", r.Saga, r.Step, err)
	}
	return nil
}

// knows says whether what a participant has recorded was sent from here, and whether that may help its saga on.
func (m *mover) knows(ctx context.Context, tx outbox.Tx, r wire.KnownRow) (known, live bool, err error) {
	e, err := m.load(ctx, tx, r.Saga)
	if errors.Is(err, errUnreadable) {
		return true, false, nil // it is suspended by itself
	}
	if err != nil || e == nil {
		return false, false, err
	}
	if e.archived() { // it has ended: nothing was sent that it does not account for
		return true, false, nil
	}
	return hasSent(&e.in, r), !e.in.State.Terminal(), nil
}

func hasSent(in *saga.Instance, r wire.KnownRow) bool {
	i := slices.IndexFunc(in.Steps, func(s saga.Step) bool { return s.Participant != "" && saga.RunOf(s.ID, r.Step) >= 0 })
	if i < 0 {
		return false
	}
	s := &in.Steps[i]
	switch run := saga.RunOf(s.ID, r.Step); {
	case run != s.Run:
		return run < s.Run
	case r.Backward:
		return s.Undos+s.Closings > 0
	}
	return true
}
