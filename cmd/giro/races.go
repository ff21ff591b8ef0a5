package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/girohq/giro/client"
	"github.com/girohq/giro/races"
	"github.com/spf13/cobra"
)

// racesEvery is how often the counters are shown anew on a terminal.
const racesEvery = time.Second

func newRacesCommand(a *app) *cobra.Command {
	var once bool
	cmd := &cobra.Command{
		Use:   "races",
		Short: "Show the races that were prevented, as they are counted",
		Long: "Ask the orchestrator and every participant which races they have prevented since\n" +
			"they were started, and say what each is. On a terminal the counters are shown\n" +
			"anew each second until interrupted.",
		Example: "  giro races\n  giro races --once\n  giro races -o json | jq '.items[].races.late_reply'",
		Args:    arguments(0, 0, "races takes flags only"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			defer s.close()
			if once || a.output != outputTable || !terminal(a.stdout) {
				_, err := a.showRaces(s, nil)
				return err
			}
			err = a.followRaces(s)
			if cmd.Context().Err() != nil {
				return nil // whoever watches ends it so
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&once, "once", false, "show them once, also on a terminal")
	return cmd
}

// followRaces shows the counters anew until the session ends, with what has come since it began.
func (a *app) followRaces(s *session) error {
	tick := time.NewTicker(racesEvery)
	defer tick.Stop()
	var first map[string]uint64
	for {
		sum, err := a.showRaces(s, first)
		if err != nil {
			return err
		}
		if first == nil {
			first = sum
		}
		select {
		case <-s.ctx.Done():
			return context.Cause(s.ctx)
		case <-tick.C:
		}
	}
}

// raceList is what -o json prints.
type raceList struct {
	Items []client.PartRaces `json:"items"`
}

// showRaces asks once and prints. With a first reading it draws over the last picture.
func (a *app) showRaces(s *session, first map[string]uint64) (sum map[string]uint64, err error) {
	ctx, cancel := a.limited(s.ctx)
	defer cancel()
	parts, err := s.Races(ctx)
	if err != nil {
		return nil, err
	}
	sum = sumRaces(parts)
	return sum, a.print(raceList{parts}, anys(parts), func(w io.Writer) error {
		var picture bytes.Buffer
		if first != nil {
			picture.WriteString("\x1b[H\x1b[J") // home, and clear below
		}
		if err := a.raceGrid(sum, first).write(&picture); err != nil {
			return err
		}
		fmt.Fprintf(&picture, "\n%s\n", raceSources(parts))
		_, err := picture.WriteTo(w)
		return err
	})
}

// sumRaces adds the parts up.
func sumRaces(parts []client.PartRaces) map[string]uint64 {
	sum := make(map[string]uint64)
	for _, p := range parts {
		for name, n := range p.Races {
			sum[name] += n
		}
	}
	return sum
}

// raceGrid has a line for each race, and with a first reading what has come since.
func (a *app) raceGrid(sum, first map[string]uint64) grid {
	headings := []any{"PREVENTED", "RACE", "WHAT IT IS"}
	if first != nil {
		headings = []any{"PREVENTED", "SINCE", "RACE", "WHAT IT IS"}
	}
	g := a.newGrid(headings...)
	for _, k := range races.Kinds() {
		n := sum[k.Name()]
		if first == nil {
			g.row(n, k.Name(), k.Sentence())
			continue
		}
		since := ""
		if was := first[k.Name()]; n > was { // a part that was started again begins at zero
			since = fmt.Sprintf("+%d", n-was)
		}
		g.row(n, since, k.Name(), k.Sentence())
	}
	return g
}

// raceSources says who has answered.
func raceSources(parts []client.PartRaces) string {
	var who []string
	for _, p := range parts {
		who = append(who, fmt.Sprintf("%s since %s", printable(p.Part), p.Since.UTC().Format("2006-01-02 15:04:05Z")))
	}
	return "counted by " + strings.Join(who, ", ")
}
