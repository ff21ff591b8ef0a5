package outbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Message is a row of the outbox: it is sent until its owner deletes it, because the business
// reply came or a later decision replaced it. The broker's ack does not end it.
type Message struct {
	// Key names the row, e.g. the operation. It is the first part of the message id.
	Key string
	// Subject, Header and Body are frozen by the first Put. Header may be used as a
	// [nats.Header]. Nobody changes Header or Body after Put.
	Subject string
	Header  map[string][]string
	Body    []byte

	// Attempt counts the owner's attempts from 1. It goes into the message id and into the
	// header the relay was told to set at each send.
	Attempt int
	// NotBefore is when the attempt may be sent. Zero: at once.
	NotBefore time.Time
	// Timeout runs from the broker's ack until the relay calls Expired. 0: never.
	Timeout time.Duration
}

const (
	insertMessage = `INSERT INTO outbox (key, seq, subject, header, body, attempt, not_before, timeout)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (key) DO UPDATE SET attempt = excluded.attempt, not_before = excluded.not_before, timeout = excluded.timeout`
	updateMessage = `UPDATE outbox SET attempt = ?, not_before = ?, timeout = ? WHERE key = ?`
	selectMessage = `SELECT key, subject, header, body, attempt, not_before, timeout FROM outbox WHERE key = ?`
	deleteMessage = `DELETE FROM outbox WHERE key = ?`
)

// Put writes m. If the key has a row, only attempt, time and timeout change; what was frozen
// stays. A message without a subject changes an existing row only; without one it gets
// [ErrNoRow]. Tell the relay after the commit.
func Put(tx Tx, m Message) error {
	if m.Key == "" || m.Attempt < 1 || m.Timeout < 0 {
		return fmt.Errorf("%w: key %q, attempt %d, timeout %v", ErrInvalid, m.Key, m.Attempt, m.Timeout)
	}
	if m.Subject == "" {
		return change(tx, m)
	}
	header, err := encodeHeader(m.Header)
	if err != nil {
		return err
	}
	body := m.Body
	if body == nil {
		body = []byte{}
	}
	if _, err := tx.ExecContext(context.Background(), insertMessage,
		m.Key, tx.NextSeq(), m.Subject, header, body, m.Attempt, toNano(m.NotBefore), int64(m.Timeout)); err != nil {
		return fmt.Errorf("outbox: put %s: %w", m.Key, err)
	}
	return nil
}

// Amend changes the header of a row: what is sent from now on has it so. It is for what may change although
// the message is frozen. A key without a row is no error.
func Amend(tx Tx, key string, change func(header map[string][]string)) error {
	var text string
	err := tx.GetContext(context.Background(), &text, `SELECT header FROM outbox WHERE key = ?`, key)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("outbox: amend %s: %w", key, err)
	}
	header := decodeHeader(text)
	change(header)
	if text, err = encodeHeader(header); err != nil {
		return err
	}
	if _, err := tx.ExecContext(context.Background(), `UPDATE outbox SET header = ? WHERE key = ?`, text, key); err != nil {
		return fmt.Errorf("outbox: amend %s: %w", key, err)
	}
	return nil
}

// Get returns the message with that key as the transaction sees it, or [ErrNoRow].
func Get(tx Tx, key string) (*Message, error) {
	var s stored
	err := tx.GetContext(context.Background(), &s, selectMessage, key)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("%w: %s", ErrNoRow, key)
	}
	if err != nil {
		return nil, fmt.Errorf("outbox: get %s: %w", key, err)
	}
	return s.message(), nil
}

// Delete releases the row: it is not sent again. A key without a row is no error.
func Delete(tx Tx, key string) error {
	if _, err := tx.ExecContext(context.Background(), deleteMessage, key); err != nil {
		return fmt.Errorf("outbox: delete %s: %w", key, err)
	}
	return nil
}

func change(tx Tx, m Message) error {
	res, err := tx.ExecContext(context.Background(), updateMessage, m.Attempt, toNano(m.NotBefore), int64(m.Timeout), m.Key)
	if err != nil {
		return fmt.Errorf("outbox: put %s: %w", m.Key, err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return fmt.Errorf("%w: %s", ErrNoRow, m.Key)
	}
	return nil
}

func toNano(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func fromNano(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n)
}
