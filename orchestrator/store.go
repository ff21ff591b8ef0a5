package orchestrator

import (
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/saga"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// Migrations are the numbered migrations of an orchestrator's database, for [outbox.Open].
func Migrations() fs.FS {
	sub, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		panic(err) // the folder is compiled in
	}
	return sub
}

// entry is a saga as it is stored: the instance and its row's number. Entries are not changed
// once they are made, so that they can be shared between goroutines.
type entry struct {
	seq int64
	in  saga.Instance

	content []byte // of an archived saga, see [loadArchived]; else nil
}

const sagaColumns = `seq, id, type, version, state, revision, created, updated, finished, deadline, input, data`

// sagaRow is a row of the table sagas as SQL gives it.
type sagaRow struct {
	Seq      int64
	ID       string
	Type     string
	Version  int
	State    saga.State
	Revision uint64
	Created  int64
	Updated  int64
	Finished sql.NullInt64
	Deadline sql.NullInt64
	Input    []byte
	Data     []byte
}

// errUnreadable says that a saga's row does not hold what it must.
var errUnreadable = errors.New("the saga's row cannot be read")

func (r *sagaRow) entry() (*entry, error) {
	in := saga.Instance{}
	if err := json.Unmarshal(r.Data, &in); err != nil {
		return nil, fmt.Errorf("saga %s: %w: %w", r.ID, errUnreadable, err)
	}
	in.ID, in.Type, in.Version, in.State, in.Revision, in.Input = r.ID, r.Type, r.Version, r.State, r.Revision, r.Input
	in.Created, in.Updated, in.Finished, in.Deadline = fromMicros(r.Created), fromMicros(r.Updated), fromNull(r.Finished), fromNull(r.Deadline)
	return &entry{seq: r.Seq, in: in}, nil
}

// loadKnown is loadSaga, and returns what is left of a saga that is archived.
func loadKnown(ctx context.Context, db getter, id string) (*entry, error) {
	e, err := loadSaga(ctx, db, id)
	if e != nil || err != nil {
		return e, err
	}
	return loadArchived(ctx, db, id)
}

// getter is what a read needs: a transaction, or the pool of reading connections.
type getter interface {
	GetContext(ctx context.Context, dest any, query string, args ...any) error
}

// loadSaga returns the saga with this id, or nil when there is none.
func loadSaga(ctx context.Context, db getter, id string) (*entry, error) {
	var row sagaRow
	err := db.GetContext(ctx, &row, `SELECT `+sagaColumns+` FROM sagas WHERE id = ?`, id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("load saga %s: %w", id, err)
	}
	return row.entry()
}

// instanceRoom is what the instance of a saga of two steps takes.
const instanceRoom = 512

// insertSaga stores a new saga. ok is false when its id is taken; then nothing was written.
func insertSaga(ctx context.Context, tx outbox.Tx, in *saga.Instance, timer time.Time) (seq int64, ok bool, err error) {
	data, err := in.AppendJSON(make([]byte, 0, instanceRoom))
	if err != nil {
		return 0, false, fmt.Errorf("saga %s: %w", in.ID, err)
	}
	res, err := tx.ExecContext(ctx, `INSERT INTO sagas (id, type, version, state, revision, created, updated, finished, deadline, timer, input, data)
		SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12 WHERE NOT EXISTS (SELECT 1 FROM archived WHERE id = ?1)
		ON CONFLICT (id) DO NOTHING`,
		in.ID, in.Type, in.Version, string(in.State), int64(in.Revision), in.Created.UnixMicro(), in.Updated.UnixMicro(), micros(in.Finished),
		micros(in.Deadline), micros(timer), []byte(in.Input), data)
	if err != nil {
		return 0, false, fmt.Errorf("insert saga %s: %w", in.ID, err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return 0, false, err
	}
	seq, err = res.LastInsertId()
	return seq, true, err
}

// updateSaga stores the moved saga over the revision it was moved from. Anything else in the row
// means that two loops drive one store: an invariant is broken and nothing may be guessed.
func updateSaga(ctx context.Context, tx outbox.Tx, seq int64, from uint64, in *saga.Instance, timer timerChange) error {
	data, err := in.AppendJSON(make([]byte, 0, instanceRoom))
	if err != nil {
		return fmt.Errorf("saga %s: %w", in.ID, err)
	}
	query := `UPDATE sagas SET state = ?, revision = ?, updated = ?, finished = ?, data = ? WHERE seq = ? AND revision = ?`
	args := []any{string(in.State), int64(in.Revision), in.Updated.UnixMicro(), micros(in.Finished), data, seq, int64(from)}
	if timer.changed { // so may the deadline be
		query = `UPDATE sagas SET state = ?, revision = ?, updated = ?, finished = ?, data = ?, timer = ?, deadline = ? WHERE seq = ? AND revision = ?`
		args = []any{string(in.State), int64(in.Revision), in.Updated.UnixMicro(), micros(in.Finished), data, micros(timer.at), micros(in.Deadline), seq, int64(from)}
	}
	res, err := tx.ExecContext(ctx, query, args...)
	if err != nil {
		return fmt.Errorf("update saga %s: %w", in.ID, err)
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		return fmt.Errorf("update saga %s: revision %d is not in the database: another writer is at work: %w", in.ID, from, errors.Join(err, ErrForeignWriter))
	}
	return nil
}

func micros(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

func fromMicros(us int64) time.Time { return time.UnixMicro(us).UTC() }

func fromNull(us sql.NullInt64) time.Time {
	if !us.Valid {
		return time.Time{}
	}
	return fromMicros(us.Int64)
}
