package main

import (
	"context"
	"fmt"
	"io"

	"github.com/girohq/giro/client"
	"github.com/spf13/cobra"
)

func newParticipantsCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "participants",
		Short: "List the participants, and decide about quarantined ones",
		Long: "List the participants that have said hello. One whose database is an older copy,\n" +
			"or another one, is quarantined: it is sent nothing. What an older copy lacks is\n" +
			"done again by itself; where that is not possible a person decides.",
		Example: "  giro participants\n  giro participants replay YZ --reason \"accounts are open again\"",
		Args:    arguments(0, 0, "participants takes flags only"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.with(cmd.Context(), func(ctx context.Context, s *session) error {
				roll, err := s.Participants(ctx)
				if err != nil {
					return err
				}
				return a.print(roll, anys(roll.Items), func(w io.Writer) error { return a.writeRoll(w, roll.Items) })
			})
		},
	}
	cmd.AddCommand(
		a.decisionCommand("accept", "Let a participant serve with the database it has",
			"Accept the database of a quarantined participant: it serves with it, and what\nthat lacks is left as it is. The answer says how much that may be.",
			func(ctx context.Context, s *session, name, reason string) (client.Member, error) {
				return s.AcceptParticipant(ctx, name, reason)
			}),
		a.decisionCommand("replay", "Do again what a participant's database lacks",
			"Have what a quarantined participant's database lacks done again, from the\norchestrator's history; of another database, all that it ever answered.",
			func(ctx context.Context, s *session, name, reason string) (client.Member, error) {
				return s.ReplayParticipant(ctx, name, reason)
			}))
	return cmd
}

func (a *app) writeRoll(w io.Writer, members []client.Member) error {
	g := a.newGrid("PARTICIPANT", "STATE", "COMMIT", "STORE", "SINCE", "CAUSE")
	for _, m := range members {
		g.row(printable(m.Name), m.State, m.Commit, m.Store, optional(m.Since), cut(m.Cause, 120))
	}
	if err := g.write(w); err != nil {
		return err
	}
	for _, m := range members {
		for _, d := range m.Differ {
			if _, err := fmt.Fprintf(w, "%s %s: it was %s, and is %s\n", printable(m.Name), printable(d.Op), printable(d.Want), printable(d.Got)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *app) decisionCommand(verb, short, long string, do func(ctx context.Context, s *session, name, reason string) (client.Member, error)) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:     verb + " NAME --reason WHY",
		Short:   short,
		Long:    long,
		Example: "  giro participants " + verb + " YZ --reason \"no backup is newer\"",
		Args:    arguments(1, 1, "NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if reason == "" {
				return usageError("a reason is required, for whoever asks later: --reason WHY")
			}
			return a.with(cmd.Context(), func(ctx context.Context, s *session) error {
				m, err := do(ctx, s, args[0], reason)
				if err != nil {
					return err
				}
				return a.print(m, []any{m}, func(w io.Writer) error {
					_, err := fmt.Fprintf(w, "%s: %s\n", printable(m.Name), m.Answer)
					return err
				})
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "`WHY`, for whoever asks later (required)")
	return cmd
}
