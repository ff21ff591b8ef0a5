package main

import (
	"context"
	"fmt"
	"io"

	"github.com/girohq/giro/client"
	"github.com/spf13/cobra"
)

func (a *app) migrateCommand() *cobra.Command {
	var req client.MigrateRequest
	cmd := &cobra.Command{
		Use:   "migrate NAME --from VERSION [--to VERSION]",
		Short: "Move live sagas to another version",
		Long: "Migrate live sagas from one version of their definition to another. A saga is\n" +
			"moved only where all that it has begun is the same in both: its commands keep\n" +
			"their bytes, its undos their order. What is pending may have changed. The others\n" +
			"are left as they are; the answer says why.",
		Example:           "  giro definitions migrate trip --from 2 --dry-run\n  giro definitions migrate trip --from 2 --to 3 --reason \"the new desk\"",
		Args:              arguments(1, 1, "NAME"),
		ValidArgsFunction: a.completeTypes,
		RunE: func(cmd *cobra.Command, args []string) error {
			req.Name = args[0]
			if req.From < 1 {
				return usageError("a version is required: --from VERSION")
			}
			return a.with(cmd.Context(), func(ctx context.Context, s *session) error {
				m, err := s.MigrateDefinition(ctx, req)
				if err != nil {
					return err
				}
				return a.printMigration(m)
			})
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&req.From, "from", 0, "the `VERSION` of the sagas to move (required)")
	flags.IntVar(&req.To, "to", 0, "the `VERSION` to move them to; default: the latest")
	flags.IntVar(&req.Limit, "limit", 0, "move at most so many; default: all")
	flags.BoolVar(&req.DryRun, "dry-run", false, "only say what would be moved")
	flags.StringVar(&req.Reason, "reason", "", "`WHY`, for the sagas' histories")
	return cmd
}

func (a *app) printMigration(m client.Migration) error {
	err := a.print(m, []any{m}, func(w io.Writer) error {
		moved := "moved"
		if m.DryRun {
			moved = "would be moved"
		}
		if _, err := fmt.Fprintf(w, "saga %s: %d %s from version %d to %d\n", printable(m.Name), m.Moved, moved, m.From, m.To); err != nil {
			return err
		}
		if len(m.Left) == 0 {
			return nil
		}
		g := a.newGrid("LEFT", "FOR EXAMPLE", "WHY")
		for _, l := range m.Left {
			g.row(l.Count, printable(l.Example), printable(l.Reason))
		}
		return g.write(w)
	})
	if err == nil && m.More {
		a.note("more: the same again")
	}
	return err
}
