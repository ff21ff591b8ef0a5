package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/girohq/giro/coordination"
	"github.com/girohq/giro/participants"
	"github.com/girohq/giro/races"
	"github.com/girohq/giro/saga"
)

// Querier is the transaction in which a [Mover] works: a [participants.Tx], or a *sql.Tx of the
// caller's own. With [Unprotected] and [Optimistic] also a *sql.DB will do: each statement is then a
// transaction of its own.
type Querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// MoverConfig says how accounts are changed, and where.
type MoverConfig struct {
	Strategy Strategy // Atomic if empty
	Bank     string   // whose locks they are; for Locked
	Postgres bool     // the database is Postgres, not SQLite
	// Races counts whom the changes have met; nil counts nothing.
	Races *races.Counts
}

// Mover changes accounts by one strategy. It writes no entries. Many goroutines may use it.
type Mover struct {
	cfg MoverConfig
}

// NewMover makes a mover, also one of the strategy [Unprotected].
func NewMover(cfg MoverConfig) (*Mover, error) {
	if cfg.Strategy != Unprotected {
		s, err := ParseStrategy(string(cfg.Strategy))
		if err != nil {
			return nil, err
		}
		cfg.Strategy = s
	}
	return &Mover{cfg: cfg}, nil
}

// The statements have their parameters in the order of their numbers, and so are the same for SQLite
// and Postgres. In Postgres the first use of a parameter gives it its type.
const (
	moveGuarded = `UPDATE accounts SET balance = balance + $1, held = held + $2, version = version + $3
		WHERE account = $4 AND (currency = $5 AND closed = 0 OR $5 = '')
			AND (balance - held >= $6 OR $6 = 0) AND (balance <= 9007199254740991 - $7 OR $7 = 0)`
	readAccount = `SELECT currency, balance, held, version, closed FROM accounts WHERE account = $1`
	lockAccount = readAccount + ` FOR UPDATE`
	lockFree    = lockAccount + ` SKIP LOCKED`
	writeResult = `UPDATE accounts SET balance = $1, held = $2, version = $3 WHERE account = $4`

	// The version grows with each entry, and what is held changes without one. Whoever finds both
	// as they were may write what was computed from them, whatever was in between.
	compareAndSet = writeResult + ` AND version = $5 AND held = $6 AND closed = $7`
)

// maxTries bounds how often a change is tried in one transaction when others are faster. More would
// keep the rest of the batch waiting; the orchestrator sends the command again.
const maxTries = 8

// Move makes one change, in tx. Its error is a refusal, made with [participants.Reject], or one made
// with [participants.Retry] if others were in the way, and wraps [ErrConflict] then; else it is the
// database's. Roll back after either.
func (m *Mover) Move(ctx context.Context, tx Querier, c Change) error {
	var err error
	switch m.cfg.Strategy {
	case Atomic:
		err = m.guarded(ctx, tx, c)
	case Optimistic:
		err = m.optimistic(ctx, tx, c)
	case Pessimistic:
		at, found := m.lock(ctx, tx, c.Account)
		err = overwrite(ctx, tx, c, at, found)
	case Locked:
		if err = m.fenced(ctx, tx, c.Account); err == nil {
			at, found := find(ctx, tx, c.Account, readAccount)
			err = overwrite(ctx, tx, c, at, found)
		}
	default:
		at, found := find(ctx, tx, c.Account, readAccount)
		err = overwrite(ctx, tx, c, at, found)
	}
	return err
}

// lock keeps the row until the transaction ends, and counts if it had to wait for it. SQLite has one
// writer at a time, so there an immediate transaction has locked everything.
func (m *Mover) lock(ctx context.Context, tx Querier, account string) (state, error) {
	if !m.cfg.Postgres {
		return find(ctx, tx, account, readAccount)
	}
	at, err := find(ctx, tx, account, lockFree)
	if !errors.Is(err, sql.ErrNoRows) {
		return at, err
	}
	at, err = find(ctx, tx, account, lockAccount)
	if err == nil {
		m.cfg.Races.Add(races.RowWait)
	}
	return at, err
}

// guarded lets the statement that writes check what it depends on. Only when it has refused is the
// account read, to say why; if there is no reason any more, the account has changed meanwhile.
func (m *Mover) guarded(ctx context.Context, tx Querier, c Change) error {
	for range maxTries {
		moved, err := changed(tx.ExecContext(ctx, moveGuarded, c.Balance, c.Held, c.entries(), c.Account, c.Currency, c.Free, c.Room))
		if err != nil {
			return fmt.Errorf("account %s: %w", c.Account, err)
		}
		if moved {
			return nil
		}
		at, found := find(ctx, tx, c.Account, readAccount)
		if err := c.judge(at, found); err != nil {
			return err
		}
	}
	return m.conflict(c)
}

func (m *Mover) optimistic(ctx context.Context, tx Querier, c Change) error {
	for range maxTries {
		at, err := find(ctx, tx, c.Account, readAccount)
		if err := c.judge(at, err); err != nil {
			return err
		}
		next := c.after(at)
		set, err := changed(tx.ExecContext(ctx, compareAndSet, next.balance, next.held, next.version, c.Account,
			at.version, at.held, bit(at.closed)))
		switch {
		case err != nil:
			return fmt.Errorf("account %s: %w", c.Account, err)
		case set:
			return nil
		}
		m.cfg.Races.Add(races.OptimisticConflict)
	}
	return m.conflict(c)
}

// overwrite computes in memory and writes the result, whatever stands there by then. What keeps
// others away is not here: the row's lock, the only writer, the distributed lock; or nothing.
func overwrite(ctx context.Context, tx Querier, c Change, at state, found error) error {
	if err := c.judge(at, found); err != nil {
		return err
	}
	next := c.after(at)
	if _, err := tx.ExecContext(ctx, writeResult, next.balance, next.held, next.version, c.Account); err != nil {
		return fmt.Errorf("account %s: %w", c.Account, err)
	}
	return nil
}

// find reads an account; sql.ErrNoRows if there is none.
func find(ctx context.Context, tx Querier, account, query string) (at state, err error) {
	var closed int64
	err = tx.QueryRowContext(ctx, query, account).Scan(&at.currency, &at.balance, &at.held, &at.version, &closed)
	at.closed = closed != 0
	return at, err
}

// judge is the refusal of a change, if the account was not found or does not take it.
func (c Change) judge(at state, found error) error {
	switch {
	case errors.Is(found, sql.ErrNoRows):
		return participants.Reject(CodeNoSuchAccount, "there is no account %q", c.Account)
	case found != nil:
		return fmt.Errorf("read account %s: %w", c.Account, found)
	}
	return c.refusal(at)
}

func (m *Mover) conflict(c Change) error {
	m.cfg.Races.Add(races.OptimisticExhausted)
	return later(CodeConflict, fmt.Errorf("account %s: %w", c.Account, ErrConflict))
}

// later asks the orchestrator to send the command again.
func later(code string, err error) error { return participants.Retry(participants.WithCode(code, err)) }

func bit(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// LockName is the name of an account's distributed lock.
func LockName(bank, account string) string { return bank + "." + account }

type tokensKey struct{}

// Under returns a context whose changes are made under locks that are held: [Locked] checks their
// tokens in the transaction, and refuses a change of an account whose token it was not given.
func Under(ctx context.Context, tokens ...coordination.Token) context.Context {
	byName := make(map[string]coordination.Token, len(tokens))
	for _, t := range tokens {
		byName[t.Lock] = t
	}
	return context.WithValue(ctx, tokensKey{}, byName)
}

// fenced lets only the holder of the account's lock go on, before it reads.
func (m *Mover) fenced(ctx context.Context, tx Querier, account string) error {
	if !saga.IsID(account) {
		return nil // nobody can have opened it: the change is refused when it is read
	}
	byName, _ := ctx.Value(tokensKey{}).(map[string]coordination.Token)
	token, ok := byName[LockName(m.cfg.Bank, account)]
	if !ok {
		return later(CodeLocked, fmt.Errorf("account %s: %w", account, ErrNotHeld))
	}
	err := coordination.Guard(ctx, tx, token)
	if errors.Is(err, coordination.ErrStale) {
		m.cfg.Races.Add(races.StaleToken)
		return later(CodeStale, err)
	}
	return err
}
