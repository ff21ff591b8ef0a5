package main

import (
	"context"

	"github.com/girohq/giro/saga"
	"github.com/spf13/cobra"
)

func newSignalCommand(a *app) *cobra.Command {
	var input string
	cmd := &cobra.Command{
		Use:   "signal ID NAME [FILE | - | --data JSON]",
		Short: "Tell a saga what one of its steps awaits",
		Long: "Signal a saga, with data from FILE, from stdin (-) or from --data. A signal that\n" +
			"comes before the step that awaits it is kept. It is said once: the same again\n" +
			"changes nothing, the same name with other data is refused.",
		Example:           "  giro signal L-1 approved --data '{\"by\":\"ann\"}'",
		Args:              arguments(2, 3, "ID NAME [FILE | -]"),
		ValidArgsFunction: a.completeSagas,
		RunE: func(cmd *cobra.Command, args []string) error {
			data, err := a.readInput(cmd.Flags().Changed("data"), input, args[2:])
			if err != nil {
				return err
			}
			return a.tell(cmd.Context(), func(ctx context.Context, s *session) (saga.Document, error) {
				return s.Signal(ctx, args[0], args[1], data)
			})
		},
	}
	cmd.Flags().StringVar(&input, "data", "", "the data itself, as `JSON`")
	return cmd
}
