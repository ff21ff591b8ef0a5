package main

import (
	"testing"

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
