package main

import (
	"context"

	"github.com/girohq/giro/saga"
	"github.com/spf13/cobra"
)

// wish is what a person wants of one saga, as the command line says it.
type wish struct {
	id     string
	step   string
	reason string
	force  bool
}

func newCancelCommand(a *app) *cobra.Command {
	cmd, w := a.operation(&cobra.Command{
		Use:   "cancel ID --reason WHY",
		Short: "Undo what ran of a saga",
		Long: "Cancel a saga: what ran is undone. Past the point of no return that is only\n" +
			"remembered, and the saga may still complete.",
		Example: "  giro cancel T-1 --reason \"the customer called\"",
	})
	a.does(cmd, w, func(ctx context.Context, s *session) (saga.Document, error) { return s.Cancel(ctx, w.id, w.reason) })
	return cmd
}

func newRetryCommand(a *app) *cobra.Command {
	cmd, w := a.operation(&cobra.Command{
		Use:   "retry ID --reason WHY",
		Short: "Let a suspended saga go on",
		Long: "Retry a suspended saga: it goes on with the operation it was suspended for.\n" +
			"Where several steps need a person, --step names one of them.",
		Example: "  giro retry T-1 --reason \"the account is open again\"",
	})
	cmd.Flags().StringVar(&w.step, "step", "", "only this `STEP`; default: all that need a person")
	a.does(cmd, w, func(ctx context.Context, s *session) (saga.Document, error) {
		return s.RetryStep(ctx, w.id, w.step, w.reason)
	})
	return cmd
}

func newSkipCommand(a *app) *cobra.Command {
	cmd, w := a.operation(&cobra.Command{
		Use:   "skip ID --step STEP --reason WHY",
		Short: "Let a saga go on without a step",
		Long: "Skip a step. If its command is out, its participant is asked first: when its\n" +
			"effect stands, the step has succeeded after all; when not, it never will, and\n" +
			"the saga goes on without it. --force does not ask; the audit reports what that\n" +
			"leaves open.",
		Example: "  giro skip T-1 --step notify --reason \"the customer knows already\"",
	})
	a.ofStep(cmd, w)
	a.does(cmd, w, func(ctx context.Context, s *session) (saga.Document, error) {
		return s.Skip(ctx, w.id, w.step, w.reason, w.force)
	})
	return cmd
}

func newResolveCommand(a *app) *cobra.Command {
	var result string
	cmd, w := a.operation(&cobra.Command{
		Use:   "resolve ID --step STEP --reason WHY",
		Short: "Say that a person did a step, or its undo, by hand",
		Long: "Resolve a step: you did by hand what it, or its undo, should have done. The\n" +
			"participant is asked first, and will not do it any more. --result is what the\n" +
			"steps after it see. --force does not ask; the audit reports what that leaves\n" +
			"open.",
		Example: "  giro resolve T-1 --step debit --reason \"refunded in the back office, case 7\"\n" +
			"  giro resolve T-1 --step pay --result '{\"id\":\"P-9\"}' --reason \"paid by phone\"",
	})
	a.ofStep(cmd, w)
	cmd.Flags().StringVar(&result, "result", "", "the step's result, as `JSON`")
	a.does(cmd, w, func(ctx context.Context, s *session) (saga.Document, error) {
		if result == "" {
			return s.Resolve(ctx, w.id, w.step, w.reason, nil, w.force)
		}
		return s.Resolve(ctx, w.id, w.step, w.reason, []byte(result), w.force)
	})
	return cmd
}

func newAbandonCommand(a *app) *cobra.Command {
	cmd, w := a.operation(&cobra.Command{
		Use:   "abandon ID --reason WHY",
		Short: "Close a saga as it stands, without undoing anything",
		Long: "Abandon a saga: nothing more is done and nothing is undone. What is out is\n" +
			"fenced first; then the saga is abandoned, and its cause names the steps that\n" +
			"were left. --force does not wait for that; the audit reports what it leaves\n" +
			"open. To undo what ran, cancel instead.",
		Example: "  giro abandon T-1 --reason \"settled in court\"",
	})
	cmd.Flags().BoolVar(&w.force, "force", false, "do not wait for the participants")
	a.does(cmd, w, func(ctx context.Context, s *session) (saga.Document, error) {
		return s.Abandon(ctx, w.id, w.reason, w.force)
	})
	return cmd
}

// ofStep adds the flags of a wish about one step.
func (a *app) ofStep(cmd *cobra.Command, w *wish) {
	cmd.Flags().StringVar(&w.step, "step", "", "the `STEP`, as giro get shows it (required)")
	cmd.Flags().BoolVar(&w.force, "force", false, "do not ask the participant first")
	cmd.PreRunE = func(*cobra.Command, []string) error {
		if w.step == "" {
			return usageError("a step is required: --step STEP, as `giro get` shows it")
		}
		return nil
	}
}

// operation begins the command of a person's wish for one saga. The reason is for the history.
func (a *app) operation(cmd *cobra.Command) (*cobra.Command, *wish) {
	w := &wish{}
	cmd.Args = arguments(1, 1, "ID")
	cmd.ValidArgsFunction = a.completeSagas
	cmd.Flags().StringVar(&w.reason, "reason", "", "`WHY`, for the saga's history (required)")
	return cmd, w
}

// does says what the command does when its wish is complete.
func (a *app) does(cmd *cobra.Command, w *wish, do func(ctx context.Context, s *session) (saga.Document, error)) {
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if w.reason == "" {
			return usageError("a reason is required, the history keeps it: --reason WHY")
		}
		w.id = args[0]
		return a.tell(cmd.Context(), do)
	}
}

// tell sends a wish and prints the saga as it is then.
func (a *app) tell(ctx context.Context, do func(ctx context.Context, s *session) (saga.Document, error)) error {
	s, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	ctx, cancel := a.limited(s.ctx)
	defer cancel()
	doc, err := do(ctx, s)
	if err != nil {
		return err
	}
	return a.printSaga(doc)
}
