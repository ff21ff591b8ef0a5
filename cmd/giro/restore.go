package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/girohq/giro/client"
	"github.com/spf13/cobra"
)

func newRestoreCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "restore",
		Short: "Show whether the orchestrator has an older copy of its data",
		Long: "Show whether the orchestrator was started on an older copy of its database, and\n" +
			"what participants know of and it does not. While that is not decided nothing is\n" +
			"sent. Sagas that are lost are there again when their senders repeat the starts.",
		Example: "  giro restore\n  giro restore accept --reason \"no backup is newer\"",
		Args:    arguments(0, 0, "restore takes flags only"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.with(cmd.Context(), func(ctx context.Context, s *session) error {
				c, err := s.Restored(ctx)
				if err != nil {
					return err
				}
				return a.printCopy(c)
			})
		},
	}
	cmd.AddCommand(a.acceptRestoreCommand())
	return cmd
}

func (a *app) acceptRestoreCommand() *cobra.Command {
	var reason string
	var force bool
	cmd := &cobra.Command{
		Use:   "accept --reason WHY",
		Short: "Let the orchestrator go on with the older copy",
		Long: "Let the orchestrator go on with the older copy of its database. Sagas catch up\n" +
			"from what participants know; one that cannot is paused. With --force it goes on\n" +
			"although participants have not told yet what they know.",
		Example: "  giro restore accept --reason \"no backup is newer\"",
		Args:    arguments(0, 0, "accept takes flags only"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if reason == "" {
				return usageError("a reason is required, for whoever asks later: --reason WHY")
			}
			return a.with(cmd.Context(), func(ctx context.Context, s *session) error {
				c, err := s.AcceptRestored(ctx, reason, force)
				if err != nil {
					return err
				}
				return a.printCopy(c)
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "`WHY`, for whoever asks later (required)")
	cmd.Flags().BoolVar(&force, "force", false, "although participants are silent")
	return cmd
}

func (a *app) printCopy(c client.Copy) error {
	return a.print(c, anys(c.Sagas), func(w io.Writer) error {
		state := "the database is not known to be an older copy"
		if c.Quarantined {
			state = "quarantined, nothing is sent: " + printable(c.Cause)
		}
		if len(c.Silent) > 0 {
			state += "\nnot heard of yet: " + printable(strings.Join(c.Silent, ", "))
		}
		if c.Lost+c.Ahead > 0 {
			state += fmt.Sprintf("\n%d sagas are lost: repeat their starts with the same ids; %d are known and have gone further", c.Lost, c.Ahead)
		}
		if _, err := fmt.Fprintln(w, state); err != nil || len(c.Sagas) == 0 {
			return err
		}
		g := a.newGrid("SAGA", "KNOWN", "STEP", "PARTICIPANT", "STATE")
		for _, s := range c.Sagas {
			g.row(printable(s.Saga), s.Known, printable(s.Step), printable(s.Participant), string(s.State))
		}
		return g.write(w)
	})
}
