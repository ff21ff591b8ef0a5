package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/girohq/giro/client"
	"github.com/girohq/giro/saga"
	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"
)

func TestExitCodes(t *testing.T) {
	problem := func(code string) error { return &client.Problem{Code: code} }
	for _, tt := range []struct {
		err  error
		want int
	}{
		{errors.New("any"), 1},
		{usageError("bad"), 2},
		{problem(client.CodeInvalid), 2},
		{&saga.BodyError{}, 2},
		{&saga.InputError{}, 2},
		{&saga.DefinitionError{}, 2},
		{problem(client.CodeNotFound), 3},
		{problem(client.CodeConflict), 4},
		{client.ErrTimeout, 5},
		{context.DeadlineExceeded, 5},
		{client.ErrUnreachable, 6},
		{problem(client.CodeUnavailable), 6},
		{client.ErrUnauthorized, 7},
		{nats.ErrAuthorization, 7},
		{nats.ErrPermissionViolation, 7},
		{problem(client.CodeUnauthorized), 7},
		{problem("of tomorrow"), 1},
		{exitWith(exitSuspended), 11},
		{context.Canceled, 130},
	} {
		for _, err := range []error{tt.err, fmt.Errorf("around: %w", tt.err), withTry(tt.err, "again")} {
			if got := exitCode(err); got != tt.want {
				t.Errorf("exit code of %v is %d, want %d", err, got, tt.want)
			}
		}
	}
	if exitWith(exitOK) != nil || withTry(nil, "again") != nil {
		t.Error("success is an error")
	}
}

func TestStateCodes(t *testing.T) {
	for state, want := range map[saga.State]int{saga.Completed: 0, saga.Compensated: 10, saga.Suspended: 11, saga.Abandoned: 12} {
		if got := stateCode(state); got != want || !settled(state) {
			t.Errorf("%s: exit code %d, settled %v", state, got, settled(state))
		}
	}
	if settled(saga.Running) || settled(saga.Compensating) {
		t.Error("a saga that goes on is settled")
	}
}

// TestHealthCode holds that a script can wait until everything is ready.
func TestHealthCode(t *testing.T) {
	for state, ready := range map[string]bool{"ok": true, "starting": false, "failing": false} {
		err := newApp(nil, &bytes.Buffer{}, nil).printHealth(client.Health{Status: state})
		if (err == nil) != ready || err != nil && exitCode(err) != exitError {
			t.Errorf("%s: %v", state, err)
		}
	}
}

// TestExplain holds that text of others cannot command the terminal.
func TestExplain(t *testing.T) {
	var out bytes.Buffer
	a := newApp(nil, nil, &out)
	a.explain(&cobra.Command{Use: "giro"}, &client.Problem{Code: client.CodeConflict, Detail: "one\x1b[2J\r\ntwo"})
	if got, want := out.String(), "giro: one\uFFFD[2J\uFFFD\ngiro: two\n"; got != want {
		t.Errorf("explained as %q, want %q", got, want)
	}
}
