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
	return &Problem{"The request cannot be read", http.StatusBadRequest, CodeInvalid, err.Error()}
}

// Invalid is the problem of a request that can be read but breaks a rule.
func Invalid(err error) *Problem {
	return &Problem{"The request breaks a rule", http.StatusUnprocessableEntity, CodeInvalid, err.Error()}
}

// NotFound is the problem of asking for what does not exist.
func NotFound(format string, a ...any) *Problem {
	return &Problem{"Not found", http.StatusNotFound, CodeNotFound, fmt.Sprintf(format, a...)}
}

// WrongState is the problem of a wish that the saga's state does not allow.
func WrongState(detail string) *Problem {
	return &Problem{"Not in this state", http.StatusConflict, CodeConflict, detail}
}

// OtherInput is the problem of a known id with another input.
func OtherInput(id string) *Problem {
	return &Problem{"The id is taken", http.StatusUnprocessableEntity, CodeConflict,
		fmt.Sprintf("saga %q was started before with another type or input: choose another id, or repeat the same input", id)}
}

// Unavailable is the problem of a service that cannot answer now; the same request may be repeated.
func Unavailable(detail string) *Problem {
	return &Problem{"Not available now", http.StatusServiceUnavailable, CodeUnavailable, detail}
}
