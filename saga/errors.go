package saga

import (
	"fmt"
	"strings"
)

// BodyError says where and why a body is not the JSON object it must be. The sender must send
// another body: the same one is refused again.
type BodyError struct {
	Line, Column int    // from 1; the column in bytes
	Pointer      string // JSON pointer of the value, "" for the whole
	Reason       string
}

func (e *BodyError) Error() string {
	if e.Pointer == "" {
		return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Reason)
	}
	return fmt.Sprintf("line %d, column %d (%s): %s", e.Line, e.Column, e.Pointer, e.Reason)
}

// InputError lists all that is wrong with a saga's input. The caller must send another input.
type InputError struct {
	Violations []Violation // sorted by place
}

// Violation is one thing wrong with an input.
type Violation struct {
	Place   string `json:"place"`   // JSON pointer, "" for the whole input
	Message string `json:"message"` // "must be an integer, but is a string"
}

func (v Violation) String() string {
	if v.Place == "" {
		return "input: " + v.Message
	}
	return v.Place + ": " + v.Message
}

func (e *InputError) Error() string { return joined(e.Violations, "; ") }

// DefinitionError lists all that is wrong with a definition, in the order of the file. Its
// author must change the file.
type DefinitionError struct {
	Problems []Problem
}

// Problem is one thing wrong with a definition.
type Problem struct {
	File         string // as it was given to [Parse]; "" where there is no file
	Line, Column int    // from 1; 0 where there is no text, as in a [Builder]
	What         string // what is wrong, and why
	Fix          string // what to write instead
}

// String is "trip.yaml:12: step "pay": what is wrong: what to write instead".
func (p Problem) String() string {
	text := p.What
	if p.Fix != "" {
		text += ": " + p.Fix
	}
	switch {
	case p.File != "" && p.Line > 0:
		return fmt.Sprintf("%s:%d: %s", p.File, p.Line, text)
	case p.File != "":
		return p.File + ": " + text
	case p.Line > 0:
		return fmt.Sprintf("line %d: %s", p.Line, text)
	}
	return text
}

// Error has one line for each problem.
func (e *DefinitionError) Error() string { return joined(e.Problems, "\n") }

func joined[T fmt.Stringer](list []T, separator string) string {
	texts := make([]string, len(list))
	for i, v := range list {
		texts[i] = v.String()
	}
	return strings.Join(texts, separator)
}
