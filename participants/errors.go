package participants

import (
	"errors"
	"fmt"
	"time"

	"github.com/girohq/giro/saga"
)

// The codes that the participant itself gives to replies.
const (
	CodeUnknownAction    = "unknown_action"    // no handler is registered for the action
	CodeInvalidArguments = "invalid_arguments" // the body does not decode as the handler's arguments
	CodeInvalidResult    = "invalid_result"    // the handler's result is not a JSON object of at most 256 KiB
	CodePanic            = "panic"             // the handler panicked
	CodeError            = "error"             // any other failure
)

var (
	// ErrConfig: the configuration or a registration is wrong; the text says which.
	ErrConfig = errors.New("participant configuration")

	errKnown = errors.New("the step run has a row already")
)

// maxMessage bounds the bytes of an error's text in a reply's header.
const maxMessage = 1024

// Reject is the error of a handler that refuses for business reasons: what the handler wrote is
// rolled back, the refusal is recorded, and each repeat of the command gets it again. The code
// is an identifier for programs (else it becomes "error"), the text is for people.
//
// Undo handlers and handlers of retriable steps must succeed sooner or later, so they cannot
// refuse: there Reject counts as a retry with this code.
func Reject(code, format string, a ...any) error {
	return &rejection{code: code, message: fmt.Sprintf(format, a...)}
}

type rejection struct{ code, message string }

func (r *rejection) Error() string { return r.code + ": " + r.message }

// Code is the refusal's code.
func (r *rejection) Code() string { return r.code }

// Retry is the error of a handler that cannot do it now: what it wrote is rolled back, nothing
// is recorded, and the orchestrator sends the command again when its definition says so. Any
// other error and a panic count as Retry. If err has a method Code() string (see [WithCode]),
// the reply carries that code, which a definition can list under "retry: not:".
func Retry(err error) error { return RetryAfter(err, 0) }

// RetryAfter is [Retry] that asks not to come again before d has passed.
func RetryAfter(err error, d time.Duration) error { return &retry{err: err, after: d} }

type retry struct {
	err   error
	after time.Duration
}

func (r *retry) Error() string { return r.err.Error() }
func (r *retry) Unwrap() error { return r.err }

// WithCode gives err a code for programs: an identifier.
func WithCode(code string, err error) error { return &coded{code: code, err: err} }

type coded struct {
	code string
	err  error
}

func (c *coded) Error() string { return c.err.Error() }
func (c *coded) Unwrap() error { return c.err }

// Code is the code given by [WithCode].
func (c *coded) Code() string { return c.code }

// handlerError marks a failure as the handler's own: the barrier and the database are well.
type handlerError struct{ err error }

func (h *handlerError) Error() string { return h.err.Error() }
func (h *handlerError) Unwrap() error { return h.err }

// verdictOn turns a handler's error into the answer. Only the refusal of a forward that may be
// refused is a [saga.Rejected], which is recorded. A confirm without its try is a [saga.Conflict].
func verdictOn(err error, c saga.Command) answer {
	var a answer
	var refused *rejection
	var later *retry
	var contradicts *contradiction
	a.Outcome, a.Code, a.Message = saga.Retried, codeOf(err), clip(err.Error())
	switch {
	case errors.As(err, &refused):
		a.Message = clip(refused.message)
		if c.Direction == saga.Forward && c.Kind != saga.Retriable {
			a.Outcome = saga.Rejected
		}
	case errors.As(err, &later):
		a.after = later.after
	case errors.As(err, &contradicts):
		a.Record = contradicts.Record
	}
	return a
}

func codeOf(err error) string {
	var c interface{ Code() string }
	if errors.As(err, &c) && saga.IsID(c.Code()) {
		return c.Code()
	}
	return CodeError
}

// clip keeps a text short enough for a header, without cutting a character in two.
func clip(s string) string {
	if len(s) <= maxMessage {
		return s
	}
	cut := maxMessage
	for cut > 0 && s[cut]&0xC0 == 0x80 {
		cut--
	}
	return s[:cut]
}
