package orchestrator

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/saga"
	"github.com/jmoiron/sqlx"
)

// member is what is known of a participant's database: a row of the table participants. Each of its commits
// has a number, which replies carry. A database that begins with a lower number than was heard is an older copy.
type member struct {
	Seq      int64
	Name     string
	Store    string
	Session  string
	Base     int64
	Heard    int64
	Recorded int64
	State    string
	Cause    string
	Since    *int64
	Restored int64
	Whole    int64
	Lost     string
	Decision string
	Differ   string
	Pause    int64
	Archived int64
}

const memberColumns = `seq, name, store, session, base, heard, recorded, state, cause, since, restored, whole, lost, decision, differ, pause, archived`

// takes says whether a reply is from the database as it is now. One of another process counts if it is from
// a commit that the present one began with; what was committed after an older copy was made is lost with it.
func (m *member) takes(k wire.Mark) bool {
	switch {
	case m.State == wire.MemberTooOld: // what it lost is not even known
		return false
	case k.Store != m.Store, k.Session == m.Lost && k.Commit > m.Restored:
		return false
	case k.Session == m.Session:
		return m.State == wire.MemberServing
	}
	return k.Commit <= m.Base
}

func (m *member) quarantined() bool { return m.State != wire.MemberServing }

func (m *member) describe() wire.Member {
	d := wire.Member{Name: m.Name, State: m.State, Store: m.Store, Commit: m.Heard, Cause: m.Cause}
	if m.Since != nil {
		d.Since = &saga.Time{Time: fromMicros(*m.Since)}
	}
	_ = json.Unmarshal([]byte(m.Differ), &d.Differ) // it is for people; what cannot be read is not shown
	return d
}

// save writes all of a member but its name.
func (m *member) save(ctx context.Context, tx outbox.Tx) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO participants (`+memberColumns+`) VALUES (nullif(?, 0), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (name) DO UPDATE SET store = excluded.store, session = excluded.session, base = excluded.base, heard = excluded.heard,
		recorded = excluded.recorded, state = excluded.state, cause = excluded.cause, since = excluded.since, restored = excluded.restored,
		whole = excluded.whole, lost = excluded.lost, decision = excluded.decision, differ = excluded.differ, pause = excluded.pause,
		archived = excluded.archived`,
		m.Seq, m.Name, m.Store, m.Session, m.Base, m.Heard, m.Recorded, m.State, m.Cause, nullable(m.Since), m.Restored, m.Whole, m.Lost, m.Decision,
		m.Differ, m.Pause, m.Archived)
	if err == nil && m.Seq == 0 {
		err = tx.GetContext(ctx, &m.Seq, `SELECT seq FROM participants WHERE name = ?`, m.Name)
	}
	if err != nil {
		return fmt.Errorf("participant %s: %w", m.Name, err)
	}
	return nil
}

func nullable(n *int64) any {
	if n == nil {
		return nil
	}
	return *n
}

// members are all participants that have ever said who they are. The table holds the truth; only the loop
// changes it. A member is not changed once it is here: another one takes its place.
type members struct {
	mu  sync.RWMutex
	all map[string]*member
}

func openMembers(ctx context.Context, db *sqlx.DB) (*members, error) {
	var rows []*member
	if err := db.SelectContext(ctx, &rows, `SELECT `+memberColumns+` FROM participants`); err != nil {
		return nil, fmt.Errorf("load participants: %w", err)
	}
	ms := &members{all: make(map[string]*member, len(rows))}
	for _, m := range rows {
		ms.all[m.Name] = m
	}
	return ms, nil
}

func (ms *members) find(name string) *member {
	ms.mu.RLock()
	defer ms.mu.RUnlock()
	return ms.all[name]
}

// replace follows what was committed.
func (ms *members) replace(changed map[string]*member) {
	if len(changed) == 0 {
		return
	}
	ms.mu.Lock()
	defer ms.mu.Unlock()
	maps.Copy(ms.all, changed)
}

// list is all of them, by name.
func (ms *members) list() []*member {
	ms.mu.RLock()
	defer ms.mu.RUnlock()
	return slices.SortedFunc(maps.Values(ms.all), func(a, b *member) int { return strings.Compare(a.Name, b.Name) })
}

// health names who is quarantined.
func (ms *members) health() error {
	var names []string
	for _, m := range ms.list() {
		if m.quarantined() {
			names = append(names, m.Name+" is quarantined: "+m.Cause)
		}
	}
	if len(names) == 0 {
		return nil
	}
	if more := len(names) - maxPausesShown; more > 0 {
		names = append(names[:maxPausesShown], fmt.Sprintf("and %d more", more))
	}
	return fmt.Errorf("%s; see giro participants", strings.Join(names, "; "))
}

// member finds a participant as the present batch has left it.
func (m *mover) member(name string) *member {
	if changed, ok := m.batch.members[name]; ok {
		return changed
	}
	return m.members.find(name)
}

// change stores a member that the batch has changed.
func (m *mover) change(ctx context.Context, tx outbox.Tx, changed member) error {
	if err := changed.save(ctx, tx); err != nil {
		return err
	}
	if m.batch.members == nil {
		m.batch.members = make(map[string]*member)
	}
	m.batch.members[changed.Name] = &changed
	return nil
}

// source is which participant (its seq) an answer is from, and which commit of its database.
type source struct {
	participant int64
	commit      int64
}

// hear judges a reply by its mark, and notes the number for the end of the transaction. What it does not
// take changes nothing: its command is sent again until there is an answer that stands.
func (m *mover) hear(ctx context.Context, tx outbox.Tx, k wire.Mark) (bool, error) {
	known := m.member(k.Participant)
	if known == nil { // it serves since before this database knew of participants
		known = &member{Name: k.Participant, Store: k.Store, Session: k.Session, Base: k.Commit - 1, Heard: k.Commit - 1, Recorded: k.Commit - 1,
			State: wire.MemberServing, Differ: "[]"}
		if err := m.change(ctx, tx, *known); err != nil {
			return false, err
		}
		known = m.member(k.Participant)
	}
	if !known.takes(k) {
		return false, nil
	}
	m.source = &source{known.Seq, k.Commit}
	if k.Commit > max(known.Heard, m.batch.heard[k.Participant]) {
		if m.batch.heard == nil {
			m.batch.heard = make(map[string]int64)
		}
		m.batch.heard[k.Participant] = k.Commit
	}
	return true, nil
}

// Seal writes down the highest number of each participant that the batch has heard.
func (m *mover) Seal(tx outbox.Tx) error {
	for name, number := range m.batch.heard {
		changed := *m.member(name)
		if number <= changed.Heard {
			continue
		}
		changed.Heard = number
		if _, err := tx.ExecContext(context.Background(), `UPDATE participants SET heard = ? WHERE seq = ?`, number, changed.Seq); err != nil {
			return fmt.Errorf("participant %s: %w", name, err)
		}
		if m.batch.members == nil {
			m.batch.members = make(map[string]*member)
		}
		m.batch.members[name] = &changed
	}
	return nil
}
