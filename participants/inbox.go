package participants

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/saga"
)

// inbox reads and writes barrier rows inside a batch's transaction. What a row means is
// decided by [saga.Arrive] alone. There are no contexts to pass: nothing may cancel a statement
// of a shared transaction.
type inbox struct {
	dialect outbox.Dialect
	commit  int64 // number of the present transaction; 0: not taken yet
}

// numbered is a transaction that its database has numbered.
type numbered interface{ Number() int64 }

// begin takes the transaction's commit number at its first command.
func (b *inbox) begin(tx Tx) error {
	if b.commit != 0 {
		return nil
	}
	if tx, ok := tx.(numbered); ok {
		b.commit = tx.Number()
		return nil
	}
	err := tx.QueryRowContext(context.Background(), `UPDATE inbox_commits SET number = number + 1 RETURNING number`).Scan(&b.commit)
	if err != nil {
		return fmt.Errorf("inbox: take commit number: %w", err)
	}
	return nil
}

const loadRow = `SELECT origin, state, forward_hash, backward_hash, outcome, code, message, result, undo_result
	FROM inbox WHERE saga = ? AND step = ?`

// loadRows are by dialect. On Postgres another writer may be at the row: it is locked until the commit.
var loadRows = map[outbox.Dialect]string{outbox.SQLite: loadRow, outbox.Postgres: loadRow + " FOR UPDATE"}

// load returns the row of a step run, the zero row if there is none.
func (b *inbox) load(tx Tx, c *saga.Command) (saga.Row, error) {
	var row saga.Row
	var forward, backward []byte
	var outcome, undo sql.NullString
	var rec struct{ code, message, result string }
	err := tx.QueryRowContext(context.Background(), loadRows[b.dialect], c.SagaID, c.Step).
		Scan(&row.Origin, &row.State, &forward, &backward, &outcome, &rec.code, &rec.message, &rec.result, &undo)
	if errors.Is(err, sql.ErrNoRows) {
		return saga.Row{}, nil
	}
	if err != nil {
		return saga.Row{}, fmt.Errorf("inbox: load %s/%s: %w", c.SagaID, c.Step, err)
	}
	row.ForwardHash, row.BackwardHash = string(forward), string(backward)
	if outcome.Valid {
		row.Forward = &saga.Record{Outcome: saga.Outcome(outcome.String), Code: rec.code, Message: rec.message, Body: []byte(rec.result)}
	}
	if undo.Valid {
		row.Undo = &saga.Record{Outcome: saga.Succeeded, Body: []byte(undo.String)}
	}
	return row, nil
}

// insert stores a new row. If there is one already it changes nothing and returns errKnown.
func (b *inbox) insert(tx Tx, c *saga.Command, row saga.Row) error {
	v := columns(row)
	res, err := tx.ExecContext(context.Background(), `INSERT INTO inbox (saga, step, origin, state, forward_hash, backward_hash,
		outcome, code, message, result, undo_result, commit_number) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT DO NOTHING`, c.SagaID, c.Step, row.Origin, string(row.State),
		v.forwardHash, v.backwardHash, v.outcome, v.code, v.message, v.result, v.undo, b.commit)
	if err != nil {
		return fmt.Errorf("inbox: insert %s/%s: %w", c.SagaID, c.Step, err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(errKnown, err)
	}
	return nil
}

// update stores what a command has changed of a row.
func (b *inbox) update(tx Tx, c *saga.Command, row saga.Row) error {
	v := columns(row)
	_, err := tx.ExecContext(context.Background(), `UPDATE inbox SET state = ?, forward_hash = ?, backward_hash = ?,
		outcome = ?, code = ?, message = ?, result = ?, undo_result = ?, commit_number = ? WHERE saga = ? AND step = ?`,
		string(row.State), v.forwardHash, v.backwardHash,
		v.outcome, v.code, v.message, v.result, v.undo, b.commit, c.SagaID, c.Step)
	if err != nil {
		return fmt.Errorf("inbox: update %s/%s: %w", c.SagaID, c.Step, err)
	}
	return nil
}

// rowColumns are a row's columns as the driver takes them: nil is NULL.
type rowColumns struct {
	forwardHash, backwardHash any
	outcome, undo             any
	code, message, result     string
}

func columns(row saga.Row) rowColumns {
	v := rowColumns{forwardHash: hashColumn(row.ForwardHash), backwardHash: hashColumn(row.BackwardHash)}
	if f := row.Forward; f != nil {
		v.outcome, v.code, v.message, v.result = string(f.Outcome), f.Code, f.Message, string(f.Body)
	}
	if row.Undo != nil {
		v.undo = string(row.Undo.Body)
	}
	return v
}

func hashColumn(hash string) any {
	if hash == "" {
		return nil
	}
	return []byte(hash)
}

// contentHash identifies what a command asks for. Each part is preceded by its length, so no
// two different contents are the same bytes.
func contentHash(c *saga.Command) string {
	buf := make([]byte, 0, len(c.Participant)+len(c.Action)+len(c.Body)+3*binary.MaxVarintLen64)
	for _, part := range [...]string{c.Participant, c.Action} {
		buf = binary.AppendUvarint(buf, uint64(len(part)))
		buf = append(buf, part...)
	}
	buf = binary.AppendUvarint(buf, uint64(len(c.Body)))
	buf = append(buf, c.Body...)
	sum := sha256.Sum256(buf)
	return string(sum[:])
}
