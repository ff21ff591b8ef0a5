package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/girohq/giro/client"
	"github.com/spf13/cobra"
)

func newHealthCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "health",
		Short: "Ask the server how it is",
		Long: "Ask the server how it is, and the processes with --standby how they stand. The\n" +
			"exit code is 0 only when everything is ready; standbys do not count.",
		Example: "  giro health && giro start transfer order.json",
		Args:    arguments(0, 0, "health takes flags only"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			defer s.close()
			ctx, cancel := a.limited(s.ctx)
			defer cancel()
			h, err := s.Health(ctx)
			if err != nil {
				return err
			}
			// Who may only ask for the health is not told of the candidates.
			if h.Candidates, err = s.Candidates(ctx); err != nil && !errors.Is(err, client.ErrUnauthorized) {
				return err
			}
			return a.printHealth(h)
		},
	}
}

func (a *app) printHealth(h client.Health) error {
	err := a.print(h, []any{h}, func(w io.Writer) error {
		g := a.newGrid("CHECK", "STATE")
		for _, name := range slices.Sorted(maps.Keys(h.Checks)) {
			g.row(printable(name), printable(h.Checks[name]))
		}
		for _, c := range h.Candidates {
			g.row(printable(c.Of+" at "+c.Owner), printable(standing(c)))
		}
		g.row("all", printable(h.Status))
		if err := g.write(w); err != nil || len(h.Paused) == 0 {
			return err
		}
		if _, err := fmt.Fprintln(w); err != nil {
			return err
		}
		return a.pauseGrid(h.Paused).write(w)
	})
	if err == nil && !h.OK() {
		return exitWith(exitError)
	}
	return err
}

// standing is a candidate's in one line: "leader of term 1795000000000001".
func standing(c client.Candidacy) string {
	text := c.Role
	if c.Term > 0 {
		text = fmt.Sprintf("%s of term %d", c.Role, c.Term)
	}
	return joined(text, c.Detail)
}
