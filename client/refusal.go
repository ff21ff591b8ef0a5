package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
)

// Refusal is a start that the orchestrator will never accept as it is: its type is unknown, its input is
// not as the definition wants it, or its id is that of another saga.
type Refusal struct {
	ID      string // of the saga that will not be
	Type    string
	Input   []byte
	Lane    string
	Problem *Problem // why
}

// Verdict says what becomes of a refused start.
type Verdict int

const (
	// Park keeps the row, with the reason, and sends it no more. StartTx with its id replaces it.
	Park Verdict = iota
	// Discard deletes the row: the caller has taken note in its own tables.
	Discard
)

// settleRefused lets the caller decide about a row, in one transaction. The row is marked first:
// that takes the write lock, and tells whether another Starter has settled it before.
func (s *Starter) settleRefused(ctx context.Context, seq string, problem *Problem) error {
	reason, err := json.Marshal(problem)
	if err != nil {
		return err
	}
	return s.store.write(ctx, func(tx Tx) error {
		r := Refusal{Problem: problem}
		rows, err := tx.QueryContext(ctx, `UPDATE giro_starts SET refused = ? WHERE seq = ? AND refused IS NULL
			RETURNING id, type, input, lane`, string(reason), seq)
		if err != nil {
			return err
		}
		if found, err := scanOne(rows, &r.ID, &r.Type, &r.Input, &r.Lane); err != nil || !found {
			return err
		}
		verdict, err := s.tell(ctx, tx, r)
		if err != nil || verdict == Park {
			return err
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM giro_starts WHERE seq = ?`, seq)
		return err
	})
}

// tell asks the caller. A panic is an error: nothing of the transaction stands, and it is asked again.
func (s *Starter) tell(ctx context.Context, tx Tx, r Refusal) (verdict Verdict, err error) {
	if s.cfg.Refused == nil {
		return Park, nil
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("refused panicked: %v\n%s", p, debug.Stack())
		}
	}()
	if verdict, err = s.cfg.Refused(ctx, tx, r); err != nil {
		return verdict, fmt.Errorf("refused: %w", err)
	}
	if verdict != Park && verdict != Discard {
		return verdict, fmt.Errorf("refused: there is no verdict %d", verdict)
	}
	return verdict, nil
}

// refusal is the problem in an answer after which the same start would be refused again.
func refusal(err error) (*Problem, bool) {
	var p *Problem
	if !errors.As(err, &p) {
		return nil, false
	}
	switch p.Code {
	case CodeInvalid, CodeConflict, CodeNotFound:
		return p, true
	}
	return nil, false
}
