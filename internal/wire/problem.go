package wire

import (
	"fmt"
	"net/http"
)

// Problem is an error as the API tells it: RFC 9457, with a code for programs.
type Problem struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
	// RetryAfter, of unavailable: so many seconds until the same request is worth repeating; 0 if that is not known.
	RetryAfter int `json:"retry_after,omitempty"`
}

// The codes of a [Problem].
const (
	CodeInvalid      = "invalid"
	CodeNotFound     = "not_found"
	CodeConflict     = "conflict"
	CodeUnavailable  = "unavailable"
	CodeUnauthorized = "unauthorized"
)

// Error is the detail: one sentence that says what to do.
func (p *Problem) Error() string { return p.Detail }

// Unparsable is the problem of a request that cannot be read.
func Unparsable(err error) *Problem {
	return &Problem{Title: "The request cannot be read", Status: http.StatusBadRequest, Code: CodeInvalid, Detail: err.Error()}
}

// Invalid is the problem of a request that can be read but breaks a rule.
func Invalid(err error) *Problem {
	return &Problem{Title: "The request breaks a rule", Status: http.StatusUnprocessableEntity, Code: CodeInvalid, Detail: err.Error()}
}

// NotFound is the problem of asking for what does not exist.
func NotFound(format string, a ...any) *Problem {
	return &Problem{Title: "Not found", Status: http.StatusNotFound, Code: CodeNotFound, Detail: fmt.Sprintf(format, a...)}
}

// WrongState is the problem of a wish that the saga's state does not allow.
func WrongState(detail string) *Problem {
	return &Problem{Title: "Not in this state", Status: http.StatusConflict, Code: CodeConflict, Detail: detail}
}

// OtherInput is the problem of a known id with another input.
func OtherInput(id string) *Problem {
	return &Problem{Title: "The id is taken", Status: http.StatusUnprocessableEntity, Code: CodeConflict,
		Detail: fmt.Sprintf("saga %q was started before with another type or input: choose another id, or repeat the same input", id)}
}

// Unavailable is the problem of a service that cannot answer now; the same request may be repeated.
func Unavailable(detail string) *Problem {
	return &Problem{Title: "Not available now", Status: http.StatusServiceUnavailable, Code: CodeUnavailable, Detail: detail}
}

// Busy is the problem of a service that has too much to do: the same request may be repeated, and is worth it
// after so many seconds.
func Busy(seconds int, detail string) *Problem {
	p := Unavailable(detail)
	p.RetryAfter = seconds
	return p
}
