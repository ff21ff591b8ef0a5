package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/girohq/giro/saga"
)

// TestAnswer: a child can be found from the step that runs it, also when it has ended.
func TestAnswer(t *testing.T) {
	for want, step := range map[string]saga.StepDocument{
		"":                         {Result: []byte("null")},
		`{"left":2}`:               {Result: []byte(`{"left":2}`)},
		"child-1":                  {Saga: "child-1", Result: []byte("null")},
		`child-1 {"left":2}`:       {Saga: "child-1", Result: []byte(`{"left":2}`)},
		"sold_out: there are none": {Error: &saga.StepError{Code: "sold_out", Message: "there are none"}},
	} {
		if got := answer(step); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestShowArchived: what is not kept any more is not shown as nothing.
func TestShowArchived(t *testing.T) {
	at := saga.Time{Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	doc := saga.Document{ID: "T-1", Type: "transfer", Version: 1, State: saga.Completed, Input: []byte("null"), Output: []byte("null"),
		Created: at, Updated: at, Finished: &at, Archived: true}
	var text bytes.Buffer
	if err := (&app{}).writeSaga(&text, doc); err != nil {
		t.Fatal(err)
	}
	if got := text.String(); strings.Contains(got, "null") || !strings.Contains(got, "archived  its input, its steps and its history are not kept any more\n") {
		t.Error(got)
	}
}
