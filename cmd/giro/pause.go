package main

import (
	"context"
	"fmt"
	"io"

	"github.com/girohq/giro/client"
	"github.com/spf13/cobra"
)

func newPauseCommand(a *app) *cobra.Command {
	return a.pauseVerb(&cobra.Command{
		Use:   "pause [ID | --type|--participant|--schedule NAME] --reason WHY",
		Short: "Stop a saga, a type, a participant or a schedule for a while",
		Long: "Pause a saga, all sagas of a type, or a participant: nothing new is sent for it,\n" +
			"deadlines and timeouts wait, sleeps go on. Replies are still taken, and starts\n" +
			"accepted. A schedule that is paused does not tick. All this lasts until giro\n" +
			"resume, over restarts too.",
		Example: "  giro pause T-1 --reason \"the customer calls back\"\n" +
			"  giro pause --participant YZ --reason \"maintenance until six\"",
	}, "paused", "is paused already", func(ctx context.Context, s *session, req client.PauseRequest) (client.Pause, error) {
		return s.Pause(ctx, req)
	})
}

func newResumeCommand(a *app) *cobra.Command {
	return a.pauseVerb(&cobra.Command{
		Use:   "resume [ID | --type|--participant|--schedule NAME] --reason WHY",
		Short: "Let go on what is paused",
		Long: "Resume what was paused. The lost time is given back to each saga first; then\n" +
			"what is parked is sent, oldest first and not all at once.",
		Example: "  giro resume T-1 --reason \"all is well\"\n  giro resume --type payroll --reason \"the file is mended\"",
	}, "resumed", "is not paused", func(ctx context.Context, s *session, req client.PauseRequest) (client.Pause, error) {
		return s.Resume(ctx, req)
	})
}

// pauseVerb makes a command of a verb that is about a saga, a type or a participant.
func (a *app) pauseVerb(cmd *cobra.Command, changed, unchanged string, do func(context.Context, *session, client.PauseRequest) (client.Pause, error)) *cobra.Command {
	var req client.PauseRequest
	cmd.Args = arguments(0, 1, "ID")
	cmd.ValidArgsFunction = a.completeSagas
	cmd.Flags().StringVar(&req.Type, "type", "", "all sagas of this `TYPE`")
	cmd.Flags().StringVar(&req.Participant, "participant", "", "the participant of this `NAME`")
	cmd.Flags().StringVar(&req.Schedule, "schedule", "", "the schedule of this `NAME`")
	cmd.Flags().StringVar(&req.Reason, "reason", "", "`WHY`, for whoever asks later (required)")
	complete(cmd, "type", a.completeTypes)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 1 {
			req.ID = args[0]
		}
		if err := checkPauseRequest(req); err != nil {
			return err
		}
		return a.with(cmd.Context(), func(ctx context.Context, s *session) error {
			p, err := do(ctx, s, req)
			if err != nil {
				return err
			}
			return a.print(p, []any{p}, func(w io.Writer) error {
				became := unchanged
				if p.Changed {
					became = changed
				}
				_, err := fmt.Fprintf(w, "%s %s\n", pausedThing(p), became)
				return err
			})
		})
	}
	return cmd
}

func checkPauseRequest(req client.PauseRequest) error {
	named := 0
	for _, name := range []string{req.ID, req.Type, req.Participant, req.Schedule} {
		if name != "" {
			named++
		}
	}
	switch {
	case named != 1:
		return usageError("name one: ID, --type TYPE, --participant NAME or --schedule NAME")
	case req.Reason == "":
		return usageError("a reason is required, for whoever asks later: --reason WHY")
	}
	return nil
}

// with opens a session for one request.
func (a *app) with(ctx context.Context, do func(context.Context, *session) error) error {
	s, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	ctx, cancel := a.limited(s.ctx)
	defer cancel()
	return do(ctx, s)
}

func newPausesCommand(a *app) *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:     "pauses",
		Short:   "List what is paused",
		Example: "  giro pauses",
		Args:    arguments(0, 0, "pauses takes flags only"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.read(cmd.Context(), dir, func(ctx context.Context, r reading) error {
				list, err := r.Pauses(ctx)
				if err != nil {
					return err
				}
				return a.print(list, anys(list.Items), a.pauseGrid(list.Items).write)
			})
		},
	}
	addDataFlag(cmd, &dir)
	return cmd
}

func (a *app) pauseGrid(list []client.Pause) grid {
	g := a.newGrid("PAUSED", "SINCE", "REASON")
	for _, p := range list {
		g.row(pausedThing(p), optional(p.Since), cut(p.Reason, 80))
	}
	return g
}

func pausedThing(p client.Pause) string {
	switch {
	case p.Type != "":
		return "type " + printable(p.Type)
	case p.Participant != "":
		return "participant " + printable(p.Participant)
	case p.Schedule != "":
		return "schedule " + printable(p.Schedule)
	}
	return "saga " + printable(p.ID)
}
