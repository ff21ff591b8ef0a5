package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/girohq/giro/outbox"
)

const (
	// pollEvery is how often a feed looks for what others have put.
	pollEvery = 250 * time.Millisecond
	// maxClaim bounds what one transaction takes.
	maxClaim = 256
)

// Execer is a transaction of somebody else's connection, say a [*sql.Tx], whose search_path leads to the
// schema.
type Execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// Post writes m in a transaction of a connection that does not own the schema: it is sent if and only if
// that commits, by the owner's [DB.Feed]. For the rest it is [outbox.Put].
func Post(ctx context.Context, tx Execer, m outbox.Message) error {
	return outbox.Put(posting{ctx: ctx, tx: tx}, m)
}

// posting is as much of an [outbox.Tx] as Put needs.
type posting struct {
	outbox.Tx
	ctx context.Context
	tx  Execer
}

// NextSeq is that of a row which has no place in the owner's order yet.
func (p posting) NextSeq() int64 { return 0 }

func (p posting) ExecContext(_ context.Context, query string, args ...any) (sql.Result, error) {
	return p.tx.ExecContext(p.ctx, rebind(query), args...)
}

// unsent are rows that others have put and nobody has claimed. It asks for those, and never for what came
// after the last one: a transaction that took a lower number may commit later than one with a higher,
// and would be passed over for ever. A row that somebody has locked, to put it again or to delete it,
// holds up no other: it is found the next time.
const unsent = `SELECT key FROM outbox WHERE seq = 0 ORDER BY key LIMIT ? FOR UPDATE SKIP LOCKED`

// claimUnsent gives unsent rows their place in the owner's order and returns them. From the commit on they are
// as if the owner had put them.
func (db *DB) claimUnsent(ctx context.Context) (claimed []outbox.Message, err error) {
	err = db.Write(ctx, func(tx outbox.Tx) error {
		var keys []string
		claimed = claimed[:0]
		if err := tx.SelectContext(ctx, &keys, unsent, maxClaim); err != nil {
			return err
		}
		for _, key := range keys {
			if _, err := tx.ExecContext(ctx, `UPDATE outbox SET seq = ? WHERE key = ?`, tx.NextSeq(), key); err != nil {
				return err
			}
			m, err := outbox.Get(tx, key)
			if err != nil {
				return err
			}
			claimed = append(claimed, *m)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("outbox/postgres: claim: %w", err)
	}
	return claimed, nil
}

// Feed hands a relay of this database what others have put with [Post], until ctx ends; then it returns
// nil. What is claimed when the process dies is loaded by the next owner's relay. An error wraps
// [outbox.ErrUnusable] or [outbox.ErrClosed]; any other is tried again.
func (db *DB) Feed(ctx context.Context, relay *outbox.Relay) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		claimed, err := db.claimUnsent(ctx)
		switch {
		case ctx.Err() != nil && err != nil:
			return nil
		case errors.Is(err, outbox.ErrUnusable) || errors.Is(err, outbox.ErrClosed):
			return err
		case len(claimed) > 0:
			relay.Committed(claimed, nil)
		}
		if len(claimed) == maxClaim {
			continue // there may be more
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
