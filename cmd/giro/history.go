package main

import (
	"context"
	"io"
	"strconv"
	"strings"

	"github.com/girohq/giro/client"
	"github.com/spf13/cobra"
)

func newHistoryCommand(a *app) *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:               "history ID",
		Short:             "Show everything that moved a saga",
		Long:              "Show everything that moved a saga, oldest first: replies, timeouts, people.",
		Example:           "  giro history T-1\n  giro history T-1 -o jsonl | jq -r .event",
		Args:              arguments(1, 1, "ID"),
		ValidArgsFunction: a.completeSagas,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.read(cmd.Context(), dir, func(ctx context.Context, r reading) error {
				history, err := r.History(ctx, args[0])
				if err != nil {
					return err
				}
				return a.printHistory(history)
			})
		},
	}
	addDataFlag(cmd, &dir)
	return cmd
}

func (a *app) printHistory(history client.History) error {
	return a.print(history, anys(history.Items), func(w io.Writer) error {
		return a.writeHistory(w, history.Items)
	})
}

func (a *app) writeHistory(w io.Writer, moments []client.Moment) error {
	g := a.newGrid("TIME", "EVENT", "STEP", "DIRECTION", "TRY", "OUTCOME", "BECAME", "WHY")
	for _, m := range moments {
		g.row(moment(m.At.Time), printable(m.Event), printable(m.Step), printable(string(m.Direction)), tryNumber(m.Attempt),
			printable(string(m.Outcome)), printable(strings.Join(m.Lifecycle, " ")), cut(joined(m.Code, m.Message, m.Note), 80))
	}
	return g.write(w)
}

func tryNumber(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}
