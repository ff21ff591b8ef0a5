package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/girohq/giro/internal/torture"
	"github.com/spf13/cobra"
)

// boarding is what `giro torture board` was asked for.
type boarding struct {
	cfg  torture.Config
	rows []string
	long bool
}

// board is the outcome of all rows.
type board struct {
	Version string               `json:"version"`
	Commit  string               `json:"commit"`
	Machine string               `json:"machine"`
	Began   time.Time            `json:"began"`
	Long    bool                 `json:"long"`
	Rows    []*torture.RowResult `json:"rows"`
}

func newTortureBoardCommand(a *app) *cobra.Command {
	b := &boarding{}
	cmd := &cobra.Command{
		Use:   "board",
		Short: "Torture row by row, and print a line for each",
		Long: "Each row is a torture of its own with some of the faults. A line says how many\n" +
			"faults fired, how many transfers were judged, and how long it took until all was\n" +
			"well again. 0 violations in N strikes bound the share of strikes that do harm\n" +
			"below 3/N, with 95 % confidence. docs/reliability.md has the board as it was\n" +
			"measured. Exit codes are those of giro torture.",
		Example: "  giro torture board\n  giro torture board --rows kills,pauses --long",
		Args:    arguments(0, 0, "board takes flags only"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !cmd.Flags().Changed("seed") {
				b.cfg.Seed = uint64(time.Now().UnixNano())
			}
			return a.board(cmd.Context(), b)
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&b.rows, "rows", nil, "`NAME,...` of rows; default: all")
	flags.BoolVar(&b.long, "long", false, "hours instead of minutes")
	flags.Uint64Var(&b.cfg.Seed, "seed", 0, "`N` of all that is drawn; default: a new one")
	flags.IntVar(&b.cfg.Clients, "clients", 16, "`N` customers at the same time")
	flags.StringVar(&b.cfg.Dir, "data", "", "`DIR` of all data, kept; default: a temporary\none, kept if something is wrong")
	_ = cmd.MarkFlagDirname("data") // the flag was just added
	return cmd
}

func (a *app) board(ctx context.Context, b *boarding) (err error) {
	rows, err := torture.ChooseRows(b.rows)
	if err != nil {
		return usageError("%w", err)
	}
	kept := b.cfg.Dir != ""
	if !kept {
		if b.cfg.Dir, err = os.MkdirTemp("", "giro-board-"); err != nil {
			return err
		}
		defer func() {
			if !kept {
				err = errors.Join(err, os.RemoveAll(b.cfg.Dir))
			}
		}()
	}
	build := thisBuild()
	out := &board{Version: build.Version, Commit: build.Commit, Machine: torture.Machine(), Began: time.Now().UTC(), Long: b.long}
	if build.Modified {
		out.Commit += ", modified"
	}
	a.note("seed %d, data %s", b.cfg.Seed, b.cfg.Dir)
	for _, row := range rows {
		result, err := a.boardRow(ctx, b, row)
		if err != nil {
			kept = kept || ctx.Err() == nil
			return err
		}
		kept = kept || result.Verdict == torture.Red
		out.Rows = append(out.Rows, result)
		a.note("%s: %s, %d faults fired, %s transfers judged, %d violations, %.0f s", row.Name, result.Verdict,
			result.Fired, thousands(int64(result.Judged)), result.Violations, result.Seconds)
	}
	if err := a.print(out, anys(out.Rows), func(w io.Writer) error { return a.writeBoard(w, out) }); err != nil {
		return err
	}
	if kept {
		a.note("data: %s", b.cfg.Dir)
	}
	return exitWith(out.code())
}

func (a *app) boardRow(ctx context.Context, b *boarding, row torture.Row) (*torture.RowResult, error) {
	extent := row.CI
	if b.long {
		extent = row.Long
	}
	wait := a.watchTorture()
	defer wait.stop()
	return torture.RunRow(ctx, b.cfg, row, extent, func(p torture.Progress) {
		p.Phase = row.Name + ", " + p.Phase
		wait.show(p)
	})
}

// code is that of the worst row.
func (b *board) code() int {
	code := exitOK
	for _, r := range b.Rows {
		if c := verdictCode(r.Verdict); code != exitError && c != exitOK {
			code = c
		}
	}
	return code
}

func (a *app) writeBoard(w io.Writer, b *board) error {
	g := a.newGrid("row", "verdict", "fault types", "fired", "judged", "violations", "harm below", "well again", "p99", "at most", "drained")
	g.numbers(3, 4, 5, 6, 7, 8, 9, 10, 11)
	for _, r := range b.Rows {
		g.row(r.Name, string(r.Verdict), r.Types, thousands(int64(r.Fired)), thousands(int64(r.Judged)), r.Violations, fmt.Sprintf("%.3g %%", 100*r.Bound()),
			inSeconds(r.Recovered.P50), inSeconds(r.Recovered.P99), inSeconds(r.Recovered.Max), inSeconds(r.Drained))
	}
	err := g.write(w)
	var more strings.Builder
	for _, r := range b.Rows {
		for _, why := range append(r.Reasons, r.Void...) {
			fmt.Fprintf(&more, "%s, seed %d: %s\n", r.Name, r.Seed, printable(why))
		}
	}
	_, said := fmt.Fprintf(w, "\n%scommit %s, %s\n", more.String(), b.Commit, b.Machine)
	return errors.Join(err, said)
}
