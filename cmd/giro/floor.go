package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/girohq/giro/internal/bench"
	"github.com/girohq/giro/internal/drive"
	"github.com/spf13/cobra"
)

// flooring is what `giro bench floor` was asked for.
type flooring struct {
	clients  []int
	duration time.Duration
	rounds   int
	accounts int
	against  string
	record   string
}

func newFloorCommand(a *app) *cobra.Command {
	f := &flooring{}
	cmd := &cobra.Command{
		Use:   "floor",
		Short: "Measure Giro beside the least that any such design must do",
		Long: "The floor commits the same rows to the same tables in the same group commits and\n" +
			"exchanges the same messages, without anything that makes it a saga engine. Giro\n" +
			"and the floor run in turn, so that what the machine does meanwhile meets both,\n" +
			"and the medians of the rounds count. A share of 1 would be the floor itself.\n\n" +
			"With --against a share that is more than a tenth worse than the recorded one is\n" +
			"told, as a warning: the exit code stays 0. --record writes such a file.",
		Example: "  giro bench floor\n  giro bench floor --clients 1,256 --rounds 5 -o json\n" +
			"  giro bench floor --against docs/performance/shares.json",
		Args: arguments(0, 0, "bench floor takes flags only"),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.floor(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	flags.IntSliceVar(&f.clients, "clients", []int{1, 256, 1024}, "`N,...` clients in turn")
	flags.DurationVar(&f.duration, "duration", 5*time.Second, "of each round of each of the two")
	flags.IntVar(&f.rounds, "rounds", 3, "how many; the medians count")
	flags.IntVar(&f.accounts, "accounts", 10_000, "of each bank")
	flags.StringVar(&f.against, "against", "", "compare with the recorded shares in this `FILE`")
	flags.StringVar(&f.record, "record", "", "write the shares to this `FILE`")
	return cmd
}

func (f *flooring) check() error {
	if f.duration <= 0 || f.rounds < 1 || f.accounts < 2 {
		return usageError("--duration and --rounds must be positive, and --accounts at least 2")
	}
	if len(f.clients) == 0 {
		return usageError("--clients is empty: name at least one number")
	}
	for _, n := range f.clients {
		if n < 1 || n > drive.MaxClients {
			return usageError("--clients %d must be 1 to %d", n, drive.MaxClients)
		}
	}
	return nil
}

func (a *app) floor(ctx context.Context, f *flooring) (err error) {
	if err := f.check(); err != nil {
		return err
	}
	var before *bench.Record
	if f.against != "" {
		if before, err = bench.ReadRecord(f.against); err != nil {
			return usageError("--against: %w", err)
		}
	}
	dir, remove, err := benchDir("")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	tune()
	wait := a.spin()
	shares, err := bench.RunShares(ctx, bench.ShareConfig{Data: dir, Clients: f.clients, Duration: f.duration, Rounds: f.rounds,
		Accounts: f.accounts, Log: a.log, Begun: wait.say})
	wait.stop()
	if err != nil {
		return err
	}
	if err := a.printShares(shares); err != nil {
		return err
	}
	if f.record != "" {
		if err := bench.NewRecord(shares).Write(f.record); err != nil {
			return err
		}
	}
	if before != nil {
		a.warnOfLosses(before, shares)
	}
	if !shares.Audit.OK {
		return exitWith(exitError)
	}
	return nil
}

func (a *app) printShares(s *bench.Shares) error {
	return a.print(s, anys(s.Levels), func(w io.Writer) error {
		g := a.newGrid("load", "", "transfers/s", "p50", "p99", "CPU s/1000", "fsyncs/1000")
		g.numbers(2, 3, 4, 5, 6)
		for _, l := range s.Levels {
			for _, side := range []struct {
				name  string
				level *bench.Level
			}{{"floor", &l.Floor}, {"Giro", &l.Giro}} {
				g.row(load(side.level), side.name, thousands(int64(side.level.PerSecond)), short(side.level.Latency.P50), short(side.level.Latency.P99),
					fmt.Sprintf("%.3f", side.level.CPU), fmt.Sprintf("%.0f", side.level.Commits))
			}
			g.row("", "share", fmt.Sprintf("%.2f", l.PerSecond), "", "", fmt.Sprintf("%.2f", l.CPU), "")
		}
		if err := g.write(w); err != nil {
			return err
		}
		_, err := fmt.Fprintf(w, "\nworld: %s; medians of %d rounds\ndurability of both: %s\naudit: %s\n", s.World, s.Rounds, s.Durability, verdict(s.Audit))
		return err
	})
}

// warnOfLosses tells what has become worse.
func (a *app) warnOfLosses(before *bench.Record, now *bench.Shares) {
	losses := before.Losses(now)
	for _, l := range losses {
		fmt.Fprintf(a.stderr, "warning: %s\n", l)
	}
	if len(losses) == 0 {
		fmt.Fprintln(a.stderr, "no share is more than a tenth worse than the recorded one")
	}
}
