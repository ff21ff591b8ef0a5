package outbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// errNoMessage: the table has no row with the key.
var errNoMessage = errors.New("outbox: row is gone")

// stored is a row as the table has it.
type stored struct {
	Key       string
	Seq       int64
	Subject   string
	Header    string
	Body      []byte
	Attempt   int
	NotBefore int64 `db:"not_before"`
	Timeout   int64
}

func (s stored) message() *Message {
	return &Message{
		Key: s.Key, Subject: s.Subject, Header: decodeHeader(s.Header), Body: s.Body,
		Attempt: s.Attempt, NotBefore: fromNano(s.NotBefore), Timeout: time.Duration(s.Timeout),
	}
}

// load makes every row of the table due at once, but for those that have no place in the order yet: on
// Postgres others may put rows, which a feed gives theirs. It holds the lock while it reads: a Committed
// that comes meanwhile is about a change the query may not have seen, and must come after it.
func (r *Relay) load(ctx context.Context) error {
	if r.cfg.Table != nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	rows, err := r.cfg.DB.Read().QueryxContext(ctx, `SELECT key, seq, subject, attempt, not_before, timeout FROM outbox WHERE seq > 0`)
	if err != nil {
		return err
	}
	defer rows.Close()
	now := time.Now()
	for rows.Next() {
		var s stored
		if err := rows.StructScan(&s); err != nil {
			return err
		}
		if _, known := r.rows[s.Key]; known {
			continue
		}
		added := &row{key: s.Key, seq: s.Seq, since: now}
		added.renew(s.message())
		if !added.earlier.After(now) {
			added.spare = 0 // an earlier process may have sent it
		}
		r.rows[s.Key] = added
		r.address(added, s.Subject)
		if s.Attempt == 1 { // it may never have been sent
			r.behind.enter(added, r.lane(s.Subject))
		}
		r.resend(added, later(now, added.earlier))
	}
	return rows.Err()
}

// read returns the message as the table has it now.
func (r *Relay) read(ctx context.Context, key string) (*Message, error) {
	if r.cfg.Table != nil {
		return r.readTable(ctx, key)
	}
	var s stored
	err := r.cfg.DB.Read().GetContext(ctx, &s, selectMessage, key)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, errNoMessage
	case err != nil:
		return nil, fmt.Errorf("outbox: relay: read %s: %w", key, err)
	}
	return s.message(), nil
}

func (r *Relay) readTable(ctx context.Context, key string) (*Message, error) {
	m, err := r.cfg.Table.Read(ctx, key)
	switch {
	case errors.Is(err, ErrNoRow):
		return nil, errNoMessage
	case err != nil:
		return nil, fmt.Errorf("outbox: relay: read %s: %w", key, err)
	}
	return m, nil
}

// follow brings the row to what the table has: another attempt, or (nil) nothing.
func (r *Relay) follow(d delivery, m *Message) {
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case !r.current(d.row, d.epoch):
	case m == nil:
		r.forget(d.row)
	default:
		d.row.renew(m)
		r.resend(d.row, later(now, m.NotBefore))
	}
}

// reconcile asks the table about a key that one transaction has both put and deleted.
func (r *Relay) reconcile(key string) {
	_, err := r.read(context.Background(), key)
	r.mu.Lock()
	defer r.mu.Unlock()
	if row, ok := r.rows[key]; ok && errors.Is(err, errNoMessage) {
		r.forget(row)
	}
}
