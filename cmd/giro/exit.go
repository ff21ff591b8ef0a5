package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/girohq/giro/client"
	"github.com/girohq/giro/saga"
	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"
)

// The exit codes. They are part of the contract with scripts: none ever changes its meaning.
const (
	exitOK           = 0
	exitError        = 1
	exitUsage        = 2 // wrong usage, or invalid input
	exitNotFound     = 3
	exitConflict     = 4
	exitTimeout      = 5
	exitUnreachable  = 6
	exitUnauthorized = 7
	exitCompensated  = 10 // start --wait only
	exitSuspended    = 11 // start --wait, run
	exitAbandoned    = 12 // start --wait, run
	exitVoid         = 13 // torture: nothing was shown
	exitInterrupted  = 130
)

// failure is an error with its exit code and what the person may try.
type failure struct {
	code int
	err  error  // nil: there is nothing to say, only a code to return
	try  string // one line; "" when the error says it
}

func (f *failure) Error() string {
	if f.err == nil {
		return fmt.Sprintf("exit code %d", f.code)
	}
	return f.err.Error()
}

func (f *failure) Unwrap() error { return f.err }

// usageError is the fault of who typed the command.
func usageError(format string, a ...any) error {
	return &failure{code: exitUsage, err: fmt.Errorf(format, a...)}
}

// withTry adds what the person may do about an error; its exit code stays.
func withTry(err error, format string, a ...any) error {
	if err == nil {
		return nil
	}
	return &failure{code: exitCode(err), err: err, try: fmt.Sprintf(format, a...)}
}

// exitWith ends the command with a code and nothing to say: the output has said it.
func exitWith(code int) error {
	if code == exitOK {
		return nil
	}
	return &failure{code: code}
}

// exitCode finds the code of an error from whatever package.
func exitCode(err error) int {
	var f *failure
	if errors.As(err, &f) {
		return f.code
	}
	var problem *client.Problem
	if errors.As(err, &problem) {
		return problemCode(problem)
	}
	switch {
	case errors.Is(err, client.ErrUnauthorized), unauthorized(err):
		return exitUnauthorized
	case errors.Is(err, client.ErrUnreachable):
		return exitUnreachable
	case errors.Is(err, client.ErrTimeout), errors.Is(err, context.DeadlineExceeded):
		return exitTimeout
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	case invalidInput(err):
		return exitUsage
	}
	return exitError
}

func problemCode(p *client.Problem) int {
	switch p.Code {
	case client.CodeInvalid:
		return exitUsage
	case client.CodeNotFound:
		return exitNotFound
	case client.CodeConflict:
		return exitConflict
	case client.CodeUnavailable:
		return exitUnreachable
	case client.CodeUnauthorized:
		return exitUnauthorized
	}
	return exitError
}

func unauthorized(err error) bool {
	for _, known := range []error{
		nats.ErrAuthorization, nats.ErrAuthExpired, nats.ErrAuthRevoked, nats.ErrAccountAuthExpired, nats.ErrPermissionViolation,
	} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}

func invalidInput(err error) bool {
	var body *saga.BodyError
	var input *saga.InputError
	var definition *saga.DefinitionError
	return errors.As(err, &body) || errors.As(err, &input) || errors.As(err, &definition)
}

// explain says on stderr what went wrong and what may be tried.
func (a *app) explain(cmd *cobra.Command, err error) {
	var f *failure
	errors.As(err, &f)
	if f != nil && f.err == nil || errors.Is(err, syscall.EPIPE) {
		return // said already, or nobody is left to read
	}
	for line := range strings.Lines(strings.TrimRight(err.Error(), "\n")) {
		a.note("giro: %s", strings.TrimRight(line, "\n"))
	}
	try := ""
	if f != nil {
		try = f.try
	}
	if try == "" {
		try = a.advice(cmd, exitCode(err))
	}
	if try != "" {
		a.note("try: %s", try)
	}
}

// advice is what helps with most errors of a kind.
func (a *app) advice(cmd *cobra.Command, code int) string {
	switch code {
	case exitUsage:
		return cmd.CommandPath() + " --help"
	case exitUnreachable:
		return "is the server up? start one with `giro dev`, or name another with --server (now: " + a.connection.shown() + ")"
	case exitUnauthorized:
		return "check --creds, --nkey, --user or the context, and the permissions of that user"
	case exitTimeout:
		return "wait longer with --timeout (now " + a.connection.timeout.String() + ")"
	}
	return ""
}

// note writes a line for the person.
func (a *app) note(format string, args ...any) {
	_, _ = fmt.Fprintln(a.stderr, printable(fmt.Sprintf(format, args...))) // nobody left to tell
}
