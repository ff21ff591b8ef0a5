package main

import (
	"errors"
	"fmt"

	"github.com/girohq/giro/client"
	"github.com/girohq/giro/saga"
	"github.com/spf13/cobra"
)

func newWatchCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "watch [ID]",
		Short: "Show sagas as they change",
		Long: "Show a line for each change: of one saga until it is terminal, or of all sagas\n" +
			"until interrupted. With -o json or jsonl a line is the saga as it is then.",
		Example:           "  giro watch\n  giro watch T-1\n  giro watch -o jsonl | jq -r 'select(.state==\"suspended\").id'",
		Args:              arguments(0, 1, "[ID]"),
		ValidArgsFunction: a.completeSagas,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			defer s.close()
			if len(args) == 1 {
				err = a.watchOne(s, args[0])
			} else {
				err = a.watchAll(s)
			}
			if cmd.Context().Err() != nil {
				return nil // whoever watches ends it so
			}
			return err
		},
	}
}

// watchOne ends when the saga is terminal, or cannot be shown any more.
func (a *app) watchOne(s *session, id string) error {
	var last string
	var writeErr error
	err := s.Follow(s.ctx, id, func(doc saga.Document) bool {
		now := string(doc.State) + doc.Waiting
		if now != last {
			last = now
			writeErr = a.printChange(doc)
		}
		return writeErr == nil && !doc.State.Terminal()
	})
	return errors.Join(err, writeErr)
}

func (a *app) watchAll(s *session) error {
	for {
		err := s.Watch(s.ctx, "", func(e client.Event) error { return a.printChange(e.Saga) })
		if !errors.Is(err, client.ErrMissed) {
			return err
		}
		a.note("giro: some changes came too fast to be shown; see all with `giro list`")
	}
}

// printChange writes one line, at once: a person or a program waits for it.
func (a *app) printChange(doc saga.Document) error {
	if a.output != outputTable {
		return writeJSON(a.stdout, doc, "")
	}
	_, err := fmt.Fprintln(a.stdout, a.changeLine(doc))
	return err
}

func (a *app) changeLine(doc saga.Document) string {
	line := fmt.Sprintf("%s  %s  %s  %s", moment(doc.Updated.Time), printable(doc.Type), printable(doc.ID), a.state(doc.State))
	if why := trouble(doc); why != "" {
		line += "  " + cut(why, 120)
	}
	return line
}
