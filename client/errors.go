package client

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/girohq/giro/internal/wire"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

var (
	// ErrUnreachable: nobody answers. The connection is down, or no orchestrator listens under
	// this prefix. The request was not carried out; repeat it when they are up.
	ErrUnreachable = errors.New("nobody answers")
	// ErrTimeout: no answer in time. Whether the request was carried out is not known. A start
	// may be repeated with its id; before anything else is repeated, look with Get.
	ErrTimeout = errors.New("no answer in time")
	// ErrUnauthorized: the broker does not let this user do it. Change the user or its permissions.
	ErrUnauthorized = errors.New("not authorised")
	// ErrMissed: events came faster than they were taken, and some were dropped. Catch up with
	// List or Get, and watch again.
	ErrMissed = errors.New("some events were missed")
	// ErrNotDurable: the connection of the transaction does not sync its commits, so a power cut could
	// take back the caller's data when the saga has already begun. Set it for every connection: with
	// mattn/go-sqlite3, _synchronous=FULL in the DSN. [outbox.Open] has it set.
	ErrNotDurable = errors.New("the database does not sync its commits")
)

// Problem is what the orchestrator says when it refuses a request: RFC 9457, with a code.
type Problem = wire.Problem

// The codes of a [Problem].
const (
	CodeInvalid      = wire.CodeInvalid      // the request breaks a rule: change it
	CodeNotFound     = wire.CodeNotFound     // there is no such saga, type or definition
	CodeConflict     = wire.CodeConflict     // not in this state, or the id is taken by another input
	CodeUnavailable  = wire.CodeUnavailable  // not now: repeat the request
	CodeUnauthorized = wire.CodeUnauthorized // not allowed to this caller
)

// transportError says in this package's words why a request to subject was not answered. ctx is
// the caller's, so that its end can be told from that of a single try.
func (c *Client) transportError(ctx context.Context, subject string, err error) error {
	if denied := c.denied(subject, err); denied != nil {
		return denied
	}
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return context.Cause(ctx)
	case errors.Is(err, nats.ErrMaxPayload):
		return wire.Invalid(fmt.Errorf("the request is larger than the broker takes (%d bytes)", c.conn.MaxPayload()))
	case unreachable(err):
		return fmt.Errorf("%w on %s: %w", ErrUnreachable, subject, err)
	case !c.conn.IsConnected():
		return fmt.Errorf("%w on %s: the broker is away", ErrUnreachable, subject)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, nats.ErrTimeout):
		return fmt.Errorf("%w on %s: %w", ErrTimeout, subject, context.DeadlineExceeded)
	}
	return fmt.Errorf("request on %s: %w", subject, err)
}

func unreachable(err error) bool {
	for _, known := range []error{
		nats.ErrNoResponders, nats.ErrDisconnected, nats.ErrConnectionClosed, nats.ErrConnectionDraining, nats.ErrNoServers,
		nats.ErrReconnectBufExceeded, nats.ErrConnectionReconnecting, jetstream.ErrNoStreamResponse,
	} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}

// denied tells a refusal of the broker. It answers a forbidden publish with silence and a note
// that only the connection sees, so the note is looked up when a request has met silence. The
// note may be an old one: it counts only when it is about this subject, or about the inbox that
// every answer comes to. The subject stands in its text and nowhere else.
func (c *Client) denied(subject string, err error) error {
	note := err
	if !errors.Is(err, nats.ErrPermissionViolation) {
		note = c.conn.LastError()
	}
	if !errors.Is(note, nats.ErrPermissionViolation) {
		return nil
	}
	text := note.Error()
	if strings.Contains(text, `"`+subject+`"`) || strings.Contains(text, `"`+c.inbox) {
		return fmt.Errorf("%w: %w", ErrUnauthorized, note)
	}
	return nil
}

// transient reports whether the very same request may succeed when it is repeated. A connection
// that was closed never comes back.
func transient(err error) bool {
	var problem *Problem
	if errors.As(err, &problem) {
		return problem.Code == CodeUnavailable
	}
	if errors.Is(err, nats.ErrConnectionClosed) || errors.Is(err, nats.ErrConnectionDraining) {
		return false
	}
	return errors.Is(err, ErrUnreachable) || errors.Is(err, ErrTimeout)
}
