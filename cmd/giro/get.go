package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/girohq/giro/saga"
	"github.com/spf13/cobra"
)

func newGetCommand(a *app) *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:               "get ID",
		Short:             "Show a saga",
		Long:              "Show a saga: its state, whom it waits for, what went wrong, and its steps.",
		Example:           "  giro get T-1\n  giro get T-1 -o json | jq .state\n  giro get T-1 --data ./giro-data",
		Args:              arguments(1, 1, "ID"),
		ValidArgsFunction: a.completeSagas,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.read(cmd.Context(), dir, func(ctx context.Context, r reading) error {
				doc, err := r.Get(ctx, args[0])
				if err != nil {
					return err
				}
				return a.printSaga(doc)
			})
		},
	}
	addDataFlag(cmd, &dir)
	return cmd
}

func (a *app) printSaga(doc saga.Document) error {
	return a.print(doc, []any{doc}, func(w io.Writer) error { return a.writeSaga(w, doc) })
}

// writeSaga shows a saga to a person: a head of lines, then its steps.
func (a *app) writeSaga(w io.Writer, doc saga.Document) error {
	head := [][2]string{
		{"saga", printable(doc.ID)},
		{"type", fmt.Sprintf("%s, version %d", printable(doc.Type), doc.Version)},
		{"state", a.state(doc.State)},
		{"waiting", printable(doc.Waiting)},
		{"cause", causeSentence(doc.Cause)},
		{"archived", archived(doc)},
		{"input", cut(there(doc.Input), 300)},
		{"output", cut(outputOf(doc), 300)},
		{"created", moment(doc.Created.Time)},
		{"finished", finished(doc)},
		{"deadline", optional(doc.Deadline)},
		{"begins", optional(doc.StartAt)},
		{"parent", parentOf(doc.Parent)},
	}
	for _, line := range head {
		if line[1] == "" {
			continue
		}
		if _, err := fmt.Fprintf(w, "%-10s%s\n", line[0], line[1]); err != nil {
			return err
		}
	}
	if len(doc.Steps) == 0 {
		return nil
	}
	if _, err := fmt.Fprintln(w); err != nil {
		return err
	}
	return a.stepGrid(doc.Steps).write(w)
}

func (a *app) stepGrid(steps []saga.StepDocument) grid {
	g := a.newGrid("STEP", "PARTICIPANT", "ACTION", "KEY", "STATE", "TRIES", "ANSWER")
	for _, s := range steps {
		g.row(printable(s.ID), printable(s.Participant), printable(s.Action), cut(s.Key, 24), string(s.State), tries(s), cut(answer(s), 60))
	}
	return g
}

// parentOf names the step of another saga that runs this one.
func parentOf(p *saga.ParentDocument) string {
	if p == nil {
		return ""
	}
	return printable(p.ID) + ", step " + printable(p.Step)
}

// tries counts the attempts, and those of the undo behind a plus.
func tries(s saga.StepDocument) string {
	if s.Undos > 0 {
		return fmt.Sprintf("%d+%d", s.Attempts, s.Undos)
	}
	return strconv.Itoa(s.Attempts)
}

// answer is what a participant last said: the refusal, or the result.
func answer(s saga.StepDocument) string {
	if s.Error != nil {
		return joined(s.Error.Code, s.Error.Message)
	}
	result := string(s.Result)
	if result == "null" {
		result = ""
	}
	return strings.TrimSpace(s.Saga + " " + result) // of a child it is named who answered
}

// causeSentence is "credit rejected: no_such_account: there is no account 87".
func causeSentence(c *saga.Cause) string {
	if c == nil {
		return ""
	}
	return printable(joined(strings.TrimSpace(c.Step+" "+string(c.Kind)), c.Code, c.Message))
}

// joined puts colons between what is there.
func joined(parts ...string) string {
	var there []string
	for _, p := range parts {
		if p != "" {
			there = append(there, p)
		}
	}
	return strings.Join(there, ": ")
}

// archived says why so little is shown.
func archived(doc saga.Document) string {
	if !doc.Archived {
		return ""
	}
	return "its input, its steps and its history are not kept any more"
}

// there is a body, "" if there is none.
func there(body []byte) string {
	if string(body) == "null" {
		return ""
	}
	return string(body)
}

func outputOf(doc saga.Document) string {
	if out := string(doc.Output); out != "null" && out != "{}" {
		return out
	}
	return ""
}

func finished(doc saga.Document) string {
	if doc.Finished == nil {
		return ""
	}
	return fmt.Sprintf("%s, after %s", moment(doc.Finished.Time), doc.Finished.Sub(doc.Created.Time).Round(time.Millisecond/10))
}

func optional(t *saga.Time) string {
	if t == nil {
		return ""
	}
	return moment(t.Time)
}
