package main

import (
	"context"
	"io"

	"github.com/girohq/giro/client"
	"github.com/girohq/giro/saga"
	"github.com/spf13/cobra"
)

func newListCommand(a *app) *cobra.Command {
	var req client.ListRequest
	var dir string
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List sagas, newest first",
		Long: "List sagas, newest first, a page at a time. The next page is asked for with\n" +
			"--cursor and what this one ended with: \"next\" in json, a hint otherwise.",
		Example: "  giro list --state suspended\n  giro list --type transfer --since 1h --limit 20 -o jsonl",
		Args:    arguments(0, 0, "list takes flags only"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("limit") && req.Limit == 0 {
				return usageError("--limit 0 is not between 1 and 1000")
			}
			return a.read(cmd.Context(), dir, func(ctx context.Context, r reading) error {
				page, err := r.List(ctx, req)
				if err != nil {
					return err
				}
				return a.printList(page)
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&req.State, "state", "", "only sagas in this `STATE`")
	flags.StringVar(&req.Type, "type", "", "only sagas of this `TYPE`")
	flags.StringVar(&req.Since, "since", "", "only since `AGE` (1h, 3d) or a time (RFC 3339)")
	flags.IntVar(&req.Limit, "limit", 100, "sagas on a page, 1 to 1000")
	flags.StringVar(&req.Cursor, "cursor", "", "go on after the page that gave this `CURSOR`")
	addDataFlag(cmd, &dir)
	complete(cmd, "state", cobra.FixedCompletions(states(), cobra.ShellCompDirectiveNoFileComp))
	complete(cmd, "type", a.completeTypes)
	return cmd
}

func states() []string {
	return []string{string(saga.Running), string(saga.Compensating), string(saga.Suspended), string(saga.Completed),
		string(saga.Compensated), string(saga.Abandoned)}
}

func (a *app) printList(page client.List) error {
	err := a.print(page, anys(page.Items), func(w io.Writer) error {
		g := a.newGrid("ID", "TYPE", "STATE", "CREATED", "WAITING OR CAUSE")
		for _, doc := range page.Items {
			g.row(printable(doc.ID), printable(doc.Type), a.state(doc.State), moment(doc.Created.Time), cut(trouble(doc), 80))
		}
		return g.write(w)
	})
	if err == nil && page.Next != "" && a.output != outputJSON {
		a.note("more: the same with --cursor %s", page.Next)
	}
	return err
}

// trouble is why a saga is not simply going forward, else whom it waits for.
func trouble(doc saga.Document) string {
	if doc.Cause != nil {
		return causeSentence(doc.Cause)
	}
	return doc.Waiting
}
