package orchestrator

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/saga"
	"github.com/jmoiron/sqlx"
)

// pauses are what operators have stopped for a while: a saga, all sagas of a type, a participant, or a
// schedule.
// While something is paused the relay parks its commands, and the timers of the sagas concerned wake
// them only for their sleeps. The table holds the truth; this is what the loop, which alone changes
// it, and the readers need of it.
type pauses struct {
	mu      sync.RWMutex
	holding map[string]*pause // by group
	ending  []*pause          // the lost time is being given back: until then they hold too
}

// pause is a row of the table. All but reached stays as it is; that belongs to pauses.mu.
type pause struct {
	seq     int64
	kind    pauseKind
	name    string
	reason  string
	since   time.Time
	reached int64
	over    chan struct{} // closed when all was given back
}

type pauseKind string

const (
	pausedSaga        pauseKind = "saga"
	pausedType        pauseKind = "type"
	pausedParticipant pauseKind = "participant"
	pausedSchedule    pauseKind = "schedule"
)

// group is the name that the relay knows it by.
func (p *pause) group() string { return groupOf(p.kind, p.name) }

func groupOf(kind pauseKind, name string) string { return string(kind) + " " + name }

// groups names what a command belongs to.
func groups(names wire.Names, m *outbox.Message) []string {
	all := []string{holdAll}
	if participant, _, _, ok := names.ParseCommand(m.Subject); ok {
		all = append(all, groupOf(pausedParticipant, participant))
	}
	for header, kind := range map[string]pauseKind{wire.HeaderID: pausedSaga, wire.HeaderType: pausedType} {
		if v := m.Header[header]; len(v) > 0 {
			all = append(all, groupOf(kind, v[0]))
		}
	}
	return all
}

func openPauses(ctx context.Context, db *sqlx.DB) (*pauses, error) {
	var rows []struct {
		Seq     int64
		Kind    pauseKind
		Name    string
		Reason  string
		Since   int64
		Resumed sql.NullInt64
		Reached int64
	}
	all := &pauses{holding: make(map[string]*pause)}
	if known, err := hasTable(ctx, db, "pauses"); err != nil || !known {
		return all, err
	}
	if err := db.SelectContext(ctx, &rows, `SELECT seq, kind, name, reason, since, resumed, reached FROM pauses ORDER BY seq`); err != nil {
		return nil, fmt.Errorf("load pauses: %w", err)
	}
	for _, r := range rows {
		p := &pause{seq: r.Seq, kind: r.Kind, name: r.Name, reason: r.Reason, since: fromMicros(r.Since), reached: r.Reached, over: make(chan struct{})}
		if r.Resumed.Valid {
			all.ending = append(all.ending, p)
		} else {
			all.holding[p.group()] = p
		}
	}
	return all, nil
}

// from is since when a saga loses time by this pause; ok is false when it has nothing to do with it.
func (p *pause) from(in *saga.Instance) (from time.Time, ok bool) {
	from = p.since
	switch p.kind {
	case pausedSaga:
		ok = in.ID == p.name
	case pausedType:
		ok = in.Type == p.name
	case pausedParticipant:
		var since time.Time
		since, ok = in.OutTo(p.name)
		from = latest(from, since)
	}
	return latest(from, in.Created, in.Start), ok
}

func latest(first time.Time, others ...time.Time) time.Time {
	for _, t := range others {
		if t.After(first) {
			first = t
		}
	}
	return first
}

// any says whether anything is paused at all, for whoever is in a hurry.
func (a *pauses) any() bool {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return len(a.holding)+len(a.ending) > 0
}

func (a *pauses) find(kind pauseKind, name string) *pause {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.holding[groupOf(kind, name)]
}

// begin, resume and end follow what was committed.
func (a *pauses) begin(p *pause) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.holding[p.group()] = p
}

func (a *pauses) resume(p *pause) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.holding[p.group()] == p { // else its saga has ended in the same batch
		delete(a.holding, p.group())
		a.ending = append(a.ending, p)
	}
}

// end forgets a pause and says whether its group is held no more.
func (a *pauses) end(p *pause) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	before := len(a.holding) + len(a.ending)
	if a.holding[p.group()] == p {
		delete(a.holding, p.group())
	}
	a.ending = slices.DeleteFunc(a.ending, func(other *pause) bool { return other == p })
	if len(a.holding)+len(a.ending) < before {
		close(p.over)
	}
	return a.holding[p.group()] == nil && !slices.ContainsFunc(a.ending, func(other *pause) bool { return other.group() == p.group() })
}

func (a *pauses) reach(p *pause, seq int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p.reached = seq
}

// ended returns a pause that is over, but for the time that it has cost.
func (a *pauses) ended() *pause {
	a.mu.RLock()
	defer a.mu.RUnlock()
	if len(a.ending) == 0 {
		return nil
	}
	return a.ending[0]
}

// held says whether a saga is paused, and since when it loses time; but for the pause that is given.
// What the present batch has reached is not in the pauses yet.
func (a *pauses) held(e *entry, reached map[*pause]int64, but *pause) (since time.Time, ok bool) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	look := func(p *pause) {
		if from, concerned := p.from(&e.in); concerned && p != but && (!ok || from.Before(since)) {
			since, ok = from, true
		}
	}
	for _, p := range a.holding {
		look(p)
	}
	for _, p := range a.ending {
		if e.seq > max(p.reached, reached[p]) {
			look(p)
		}
	}
	return since, ok
}

// participants are the pauses of participants that a saga loses time by, oldest first.
func (a *pauses) participants(e *entry, reached map[*pause]int64) []*pause {
	a.mu.RLock()
	defer a.mu.RUnlock()
	var all []*pause
	add := func(p *pause) {
		if p.kind != pausedParticipant { // there may be many, and this is asked at each move
			return
		}
		if _, concerned := p.from(&e.in); concerned {
			all = append(all, p)
		}
	}
	for _, p := range a.holding {
		add(p)
	}
	for _, p := range a.ending {
		if e.seq > max(p.reached, reached[p]) {
			add(p)
		}
	}
	slices.SortFunc(all, func(x, y *pause) int { return int(x.seq - y.seq) })
	return all
}

// list is what is paused, oldest first.
func (a *pauses) list() []*pause {
	a.mu.RLock()
	defer a.mu.RUnlock()
	all := make([]*pause, 0, len(a.holding))
	for _, p := range a.holding {
		all = append(all, p)
	}
	slices.SortFunc(all, func(x, y *pause) int { return int(x.seq - y.seq) })
	return all
}

// explain puts into a document why its saga does not go on.
func (a *pauses) explain(doc *saga.Document, in *saga.Instance) {
	if in.State.Terminal() || !a.any() {
		return
	}
	var whys []string
	for _, p := range a.list() {
		if _, ok := p.from(in); ok {
			whys = append(whys, p.sentence())
		}
	}
	if len(whys) == 0 {
		return
	}
	if doc.Waiting != "" {
		whys = append(whys, doc.Waiting)
	}
	doc.Waiting = strings.Join(whys, "; ")
}

// sentence says what is paused, for a person.
func (p *pause) sentence() string {
	what := ""
	switch p.kind {
	case pausedType:
		what = "all sagas " + p.name + " are "
	case pausedSchedule:
		what = "schedule " + p.name + " is "
	case pausedParticipant:
		what = p.name + " is "
	}
	return fmt.Sprintf("%spaused since %s: %s", what, p.since.UTC().Format(time.RFC3339), p.reason)
}

func (p *pause) describe() wire.Pause {
	d := wire.Pause{Reason: p.reason, Since: &saga.Time{Time: p.since}}
	d.Name(string(p.kind), p.name)
	return d
}
