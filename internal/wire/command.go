package wire

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/girohq/giro/saga"
	"github.com/nats-io/nats.go"
)

// ErrMalformed says that a message is not what its subject promises; it belongs to the dead letters.
var ErrMalformed = errors.New("malformed message")

// EncodeCommand returns the subject and the frozen headers of a command. Saga-Attempt and
// Nats-Msg-Id are set at each send by who sends it.
func EncodeCommand(n Names, c saga.Command, origin string) (string, nats.Header) {
	values := [...]string{c.SagaID, c.SagaType, c.Step, string(c.Kind), string(c.Direction), c.Op(), origin,
		strconv.FormatUint(c.Revision, 10), n.ReplySubject(c.Participant, c.SagaID)}
	h := make(nats.Header, len(values)+4)
	for i, name := range commandHeaders {
		h[name] = values[i : i+1 : i+1]
	}
	if c.Known != "" {
		h[HeaderKnown] = []string{string(c.Known)}
	}
	if c.TraceParent != "" {
		h[HeaderTraceParent] = []string{c.TraceParent}
	}
	if !c.Deadline.IsZero() {
		h[HeaderDeadline] = []string{c.Deadline.UTC().Format(time.RFC3339Nano)}
	}
	if !c.Expires.IsZero() {
		h[HeaderExpires] = []string{c.Expires.UTC().Format(time.RFC3339Nano)}
		h[HeaderExpiry] = []string{string(c.Expiry)}
	}
	return n.CommandSubject(c.Participant, c.Action, c.Key), h
}

var commandHeaders = [...]string{HeaderID, HeaderType, HeaderStep, HeaderKind, HeaderDirection, HeaderOp, HeaderOrigin,
	HeaderRevision, HeaderReplyTo}

// Envelope is what a command's message says beside the command itself.
type Envelope struct {
	Origin  string // the orchestrator store that sent it
	ReplyTo string // the subject to answer on
}

// Postpone moves the times in a command's header to later ones: its saga was paused for so long.
func Postpone(h nats.Header, deadline, expires time.Duration) {
	for name, by := range map[string]time.Duration{HeaderDeadline: deadline, HeaderExpires: expires} {
		if t, err := decodeTime(h, name); err == nil && !t.IsZero() {
			h[name] = []string{t.Add(by).UTC().Format(time.RFC3339Nano)}
		}
	}
}

// DecodeCommand reads a command. The error wraps [ErrMalformed].
func DecodeCommand(n Names, subject string, h nats.Header, body []byte) (saga.Command, Envelope, error) {
	c := saga.Command{
		SagaID: get(h, HeaderID), SagaType: get(h, HeaderType), Step: get(h, HeaderStep), Kind: saga.Kind(get(h, HeaderKind)),
		Direction: saga.Direction(get(h, HeaderDirection)), Known: saga.Known(get(h, HeaderKnown)), Expiry: saga.Expiry(get(h, HeaderExpiry)),
		TraceParent: get(h, HeaderTraceParent), Body: body,
	}
	env := Envelope{Origin: get(h, HeaderOrigin), ReplyTo: get(h, HeaderReplyTo)}
	var ok bool
	if c.Participant, c.Action, c.Key, ok = n.ParseCommand(subject); !ok {
		return c, env, fmt.Errorf("%w: subject %q is not a command's", ErrMalformed, subject)
	}
	if err := decodeNumbers(&c, h); err != nil {
		return c, env, err
	}
	return c, env, checkCommand(n, c, env, get(h, HeaderOp))
}

func decodeNumbers(c *saga.Command, h nats.Header) (err error) {
	if c.Attempt, err = strconv.Atoi(get(h, HeaderAttempt)); err != nil || c.Attempt < 1 {
		return malformed(HeaderAttempt, get(h, HeaderAttempt))
	}
	if rev := get(h, HeaderRevision); rev != "" {
		if c.Revision, err = strconv.ParseUint(rev, 10, 64); err != nil {
			return malformed(HeaderRevision, rev)
		}
	}
	if c.Deadline, err = decodeTime(h, HeaderDeadline); err != nil {
		return err
	}
	c.Expires, err = decodeTime(h, HeaderExpires)
	return err
}

// decodeTime reads a time that may be absent.
func decodeTime(h nats.Header, name string) (t time.Time, err error) {
	text := get(h, name)
	if text == "" {
		return t, nil
	}
	if t, err = time.Parse(time.RFC3339Nano, text); err != nil {
		err = malformed(name, text)
	}
	return t, err
}

func checkCommand(n Names, c saga.Command, env Envelope, op string) error {
	switch {
	case !saga.IsID(c.SagaID):
		return malformed(HeaderID, c.SagaID)
	case !isStepRun(c.Step):
		return malformed(HeaderStep, c.Step)
	case !c.Kind.Valid():
		return malformed(HeaderKind, string(c.Kind))
	case !c.Direction.Valid():
		return malformed(HeaderDirection, string(c.Direction))
	case c.Direction == saga.Backward && c.Known != saga.KnownSucceeded && c.Known != saga.KnownUnknown:
		return malformed(HeaderKnown, string(c.Known))
	case !c.Expires.IsZero() && !c.Expiry.Valid(), c.Expires.IsZero() && c.Expiry != "":
		return malformed(HeaderExpiry, string(c.Expiry))
	case op != c.Op():
		return malformed(HeaderOp, op)
	case !saga.IsID(env.Origin):
		return malformed(HeaderOrigin, env.Origin)
	case env.ReplyTo != n.ReplySubject(c.Participant, c.SagaID):
		return malformed(HeaderReplyTo, env.ReplyTo)
	}
	return nil
}

// isStepRun takes ids with the parts that "." and "~" add: "tickets.0", "debit~1".
func isStepRun(s string) bool {
	id, rest, _ := strings.Cut(s, "~")
	id, index, dotted := strings.Cut(id, ".")
	return saga.IsID(id) && (!dotted || saga.IsID(index)) && (rest == "" || saga.IsID(rest)) && !strings.HasSuffix(s, "~")
}

func malformed(header, value string) error {
	return fmt.Errorf("%w: header %s is %q", ErrMalformed, header, value)
}

// get reads a header as it is written; nats.Header.Get would canonicalise nothing either, but allocates.
func get(h nats.Header, name string) string {
	if v := h[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}
