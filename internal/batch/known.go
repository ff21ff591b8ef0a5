package batch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/girohq/giro/embedded"
	"github.com/girohq/giro/internal/drive"
	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/saga"
	"github.com/jmoiron/sqlx"
)

// sagaType is what the transfers of a file are started as.
const sagaType = "transfer"

// known is what a data directory says of the transfers of a file before the run.
type known struct {
	ended  map[string]bool // terminal, by id
	counts drive.Counts    // of those
	taken  map[string]bool // ids of other sagas
}

// knownSaga is a row of the orchestrator's table of sagas.
type knownSaga struct {
	ID    string
	Type  string
	State saga.State
	Input []byte
}

// lookAhead bounds the ids asked for at once.
const lookAhead = 1000

// look asks the data directory for every transfer. One without a database knows none.
func (b *Batch) look(ctx context.Context, dir string) (k known, err error) {
	k = known{ended: make(map[string]bool), taken: make(map[string]bool)}
	path := filepath.Join(dir, embedded.OrchestratorFile)
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return k, nil
	}
	db, err := outbox.OpenReadOnly(path)
	if err != nil {
		return k, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	for from := 0; from < len(b.transfers); from += lookAhead {
		to := min(from+lookAhead, len(b.transfers))
		if err := b.lookAt(ctx, db, from, to, &k); err != nil {
			return k, fmt.Errorf("look into %s: %w", path, err)
		}
	}
	return k, nil
}

// lookAt asks for the transfers in [from, to).
func (b *Batch) lookAt(ctx context.Context, db *sqlx.DB, from, to int, k *known) error {
	at := make(map[string]int, to-from)
	ids := make([]string, 0, to-from)
	for i := from; i < to; i++ {
		at[b.transfers[i].ID] = i
		ids = append(ids, b.transfers[i].ID)
	}
	list, err := json.Marshal(ids)
	if err != nil {
		return err
	}
	var rows []knownSaga
	err = db.SelectContext(ctx, &rows, `SELECT id, type, state, input FROM sagas WHERE id IN (SELECT value FROM json_each(?))`, string(list))
	if err != nil {
		return err
	}
	for _, r := range rows {
		input := b.transfers[at[r.ID]].Input()
		k.add(r, r.Type == sagaType && saga.SameJSON(r.Input, input))
	}
	return b.lookIntoArchive(ctx, db, at, string(list), k)
}

// lookIntoArchive asks for those of which only the outcome is left. A database of an older program has none.
func (b *Batch) lookIntoArchive(ctx context.Context, db *sqlx.DB, at map[string]int, list string, k *known) error {
	var there bool
	if err := db.GetContext(ctx, &there, `SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'archived')`); err != nil || !there {
		return err
	}
	var rows []struct {
		knownSaga
		Content []byte
	}
	if err := db.SelectContext(ctx, &rows, `SELECT id, type, state, content FROM archived WHERE id IN (SELECT value FROM json_each(?))`, list); err != nil {
		return err
	}
	for _, r := range rows {
		sum, err := saga.Fingerprint(sagaType, b.transfers[at[r.ID]].Input())
		if err != nil {
			return err
		}
		k.add(r.knownSaga, bytes.HasPrefix(sum[:], r.Content))
	}
	return nil
}

func (k *known) add(r knownSaga, same bool) {
	if !same {
		k.taken[r.ID] = true
		return
	}
	switch r.State {
	case saga.Completed:
		k.counts.Completed++
	case saga.Compensated:
		k.counts.Compensated++
	case saga.Abandoned:
		k.counts.Abandoned++
	default: // it goes on, or is suspended: the run sees to it
		return
	}
	k.ended[r.ID] = true
}

// conflicts names the lines whose ids are taken, or returns nil.
func (b *Batch) conflicts(taken map[string]bool) error {
	if len(taken) == 0 {
		return nil
	}
	lines, err := b.lines(taken)
	if err != nil {
		return err
	}
	var c Conflicts
	for _, t := range b.transfers {
		if taken[t.ID] {
			c.add(b.file, lines[t.ID], t.ID)
		}
	}
	return &c
}
