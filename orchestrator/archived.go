package orchestrator

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/girohq/giro/saga"
)

// contentBytes is how much of the digest of a start is kept: nobody finds another input with the same 128 bits by
// chance.
const contentBytes = 16

func contentOf(sagaType string, input []byte) ([]byte, error) {
	sum, err := saga.Fingerprint(sagaType, input)
	return sum[:contentBytes], err
}

// loadArchived returns what is left of an archived saga, or nil when there is none with this id. Whoever looks for a
// saga looks into the table of sagas first: one that is archived meanwhile is then found here.
func loadArchived(ctx context.Context, db getter, id string) (*entry, error) {
	var row struct {
		Type     string
		Version  int
		State    saga.State
		Content  []byte
		Created  int64
		Finished int64
	}
	err := db.GetContext(ctx, &row, `SELECT type, version, state, content, created, finished FROM archived WHERE id = ?`, id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("load archived saga %s: %w", id, err)
	}
	e := &entry{content: row.Content}
	e.in = saga.Instance{ID: id, Type: row.Type, Version: row.Version, State: row.State, Created: fromMicros(row.Created),
		Updated: fromMicros(row.Finished), Finished: fromMicros(row.Finished)}
	return e, nil
}

func (e *entry) archived() bool { return e.content != nil }

// remains is the document of an archived saga.
func (e *entry) remains() saga.Document {
	finished := saga.Time{Time: e.in.Finished}
	return saga.Document{ID: e.in.ID, Type: e.in.Type, Version: e.in.Version, State: e.in.State, Steps: []saga.StepDocument{},
		Created: saga.Time{Time: e.in.Created}, Updated: finished, Finished: &finished, Archived: true}
}
