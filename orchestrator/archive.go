package orchestrator

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/saga"
	"github.com/jmoiron/sqlx"
)

// A finished saga is not changed any more, so what stays of it is made beside the loop. The loop moves it, in one
// transaction with the mark of each participant that has answered it.

// remnant is a finished saga on its way into the archive.
type remnant struct {
	seq     int64
	id      string
	parent  string // "": it has none
	content []byte
	sources []source // the last numbered answer of each participant; participant 0: there are some without a number
}

// selectDue reads sagas in the order of their acceptance, from the oldest. There is no index of what has ended: it would
// cost each saga more than this costs all.
const selectDue = `SELECT seq, created, finished FROM sagas WHERE seq > ? AND seq < (SELECT max(seq) FROM sagas) ORDER BY seq LIMIT ?`

// dueRow is what must be known of each saga that is passed over.
type dueRow struct {
	Seq      int64
	Created  int64
	Finished *int64
}

// page is what was found of a page.
type page struct {
	due   []int64 // sagas
	after int64   // where the next page begins; 0: no older ones come
}

// look finds the sagas of a page that ended by a time.
func look(ctx context.Context, db *sqlx.DB, after, until int64) (p page, err error) {
	var rows []dueRow
	if err := db.SelectContext(ctx, &rows, selectDue, after, duePage); err != nil {
		return p, fmt.Errorf("look for finished sagas: %w", err)
	}
	old := false
	for _, r := range rows {
		old = old || r.Created <= until
		if r.Finished != nil && *r.Finished <= until {
			p.due = append(p.due, r.Seq)
		}
	}
	if old && len(rows) == duePage {
		p.after = rows[len(rows)-1].Seq
	}
	return p, nil
}

// lastOfSaga is what the history says of a saga.
type lastOfSaga struct {
	Saga int64
	Last int64
}

// remnants reads what stays of sagas. It leaves out those that somebody may still need: whose events the broker has not
// got, whose last row gives the next one its number, and which a person has settled by hand, for the audit must know
// where.
func remnants(ctx context.Context, db *sqlx.DB, seqs []int64) ([]remnant, error) {
	list, err := json.Marshal(seqs)
	if err != nil {
		return nil, err
	}
	published, err := loadMark(ctx, db)
	if err != nil {
		return nil, err
	}
	var last []lastOfSaga
	if err := db.SelectContext(ctx, &last, `SELECT saga, max(seq) last FROM history WHERE saga IN (SELECT value FROM json_each(?1)) GROUP BY saga
		HAVING max(seq) <= ?2 AND max(seq) < (SELECT max(seq) FROM history)`, string(list), published); err != nil {
		return nil, fmt.Errorf("history of finished sagas: %w", err)
	}
	told := make(map[int64]bool, len(last))
	for _, row := range last {
		told[row.Saga] = true
	}
	sources, err := lastAnswers(ctx, db, string(list))
	if err != nil {
		return nil, err
	}
	var rows []sagaRow
	if err := db.SelectContext(ctx, &rows, `SELECT `+sagaColumns+` FROM sagas WHERE seq IN (SELECT value FROM json_each(?))`, string(list)); err != nil {
		return nil, fmt.Errorf("finished sagas: %w", err)
	}
	var all []remnant
	for i := range rows {
		if !told[rows[i].Seq] {
			continue
		}
		if r, ok := rows[i].remnant(); ok {
			r.sources = sources[r.seq]
			all = append(all, r)
		}
	}
	return all, nil
}

// lastAnswers finds the highest commit number of each participant's answers to each of the sagas.
func lastAnswers(ctx context.Context, db *sqlx.DB, sagas string) (map[int64][]source, error) {
	var rows []struct {
		Saga        int64
		Participant int64
		Committed   int64
	}
	err := db.SelectContext(ctx, &rows, `SELECT saga, ifnull(participant, 0) participant, max(ifnull(committed, 0)) committed FROM history
		WHERE saga IN (SELECT value FROM json_each(?)) AND kind = 'replied' AND outcome IN ('succeeded', 'rejected', 'fenced')
		GROUP BY saga, participant`, sagas)
	if err != nil {
		return nil, fmt.Errorf("answers to finished sagas: %w", err)
	}
	sources := make(map[int64][]source)
	for _, row := range rows {
		sources[row.Saga] = append(sources[row.Saga], source{row.Participant, row.Committed})
	}
	return sources, nil
}

// remnant makes what stays of one saga. A row that cannot be read stays as it is: a person must see it.
func (r *sagaRow) remnant() (left remnant, ok bool) {
	e, err := r.entry()
	content, errContent := contentOf(r.Type, r.Input)
	byHand := func(s saga.Step) bool { return s.ByHand != "" || s.Open }
	if err != nil || errContent != nil || !e.in.State.Terminal() || slices.ContainsFunc(e.in.Steps, byHand) {
		return remnant{}, false
	}
	left = remnant{seq: r.Seq, id: r.ID, content: content}
	if e.in.Parent != nil {
		left.parent = e.in.Parent.ID
	}
	return left, true
}

// archive moves sagas into the archive and returns how many. A child goes after its parent. While any database is
// quarantined nothing goes: what an older copy lacks is made up for from these rows.
func (m *mover) archive(ctx context.Context, tx outbox.Tx, all []remnant) (n int, err error) {
	if cause, _ := m.older.quarantined(); cause != "" || m.anyQuarantined() {
		return 0, nil
	}
	answered := make(map[int64]int64) // by participant: up to which commit
	for i := range all {
		moved, err := m.moveToArchive(ctx, tx, &all[i])
		if err != nil {
			return 0, fmt.Errorf("archive saga %s: %w", all[i].id, err)
		}
		if !moved {
			continue
		}
		n++
		for _, s := range all[i].sources {
			answered[s.participant] = max(answered[s.participant], s.commit)
		}
	}
	return n, m.noteArchived(ctx, tx, answered)
}

// moveToArchive leaves a saga alone of which a participant knows more than is known here, of which a command is out, or
// whose parent is still whole.
func (m *mover) moveToArchive(ctx context.Context, tx outbox.Tx, r *remnant) (bool, error) {
	res, err := tx.ExecContext(ctx, `INSERT INTO archived (id, type, version, state, content, created, finished)
		SELECT id, type, version, state, ?2, created, finished FROM sagas WHERE seq = ?1 AND finished IS NOT NULL
		AND NOT EXISTS (SELECT 1 FROM strays WHERE saga = sagas.id)
		AND NOT EXISTS (SELECT 1 FROM outbox WHERE key > sagas.id || '/' AND key < sagas.id || '0')
		AND NOT EXISTS (SELECT 1 FROM sagas WHERE id = ?3)`, r.seq, r.content, r.parent)
	if err != nil {
		return false, err
	}
	if moved, err := res.RowsAffected(); err != nil || moved == 0 {
		return false, err
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM history WHERE saga = ?`, r.seq); err != nil {
		return false, err
	}
	_, err = tx.ExecContext(ctx, `DELETE FROM sagas WHERE seq = ?`, r.seq)
	return err == nil, err
}

// noteArchived writes down how far the archived answers of each participant go. Those without a number are from before
// there were numbers, and may be anybody's.
func (m *mover) noteArchived(ctx context.Context, tx outbox.Tx, answered map[int64]int64) error {
	_, unnumbered := answered[0]
	for _, listed := range m.members.list() {
		known := m.member(listed.Name)
		next := *known
		next.Archived = max(next.Archived, answered[next.Seq])
		if unnumbered {
			next.Archived = max(next.Archived, next.Recorded)
		}
		if next.Archived == known.Archived {
			continue
		}
		if err := m.change(ctx, tx, next); err != nil {
			return err
		}
	}
	return nil
}

// anyQuarantined says whether any participant is, as the present batch has left them. One that the batch has met
// first is not.
func (m *mover) anyQuarantined() bool {
	for _, known := range m.members.list() {
		if m.member(known.Name).quarantined() {
			return true
		}
	}
	return false
}
