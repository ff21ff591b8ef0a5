package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/girohq/giro/internal/bench"
	"github.com/girohq/giro/internal/drive"
	"github.com/spf13/cobra"
)

// benching is what `giro bench` was asked for.
type benching struct {
	doors     []string
	clients   []int
	rates     []float64
	duration  time.Duration
	transfers int
	data      string
}

func newBenchCommand(a *app) *cobra.Command {
	b := &benching{}
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure transfers a second, latency and cost on this machine",
		Long: "Run transfers between two banks of 10,000 accounts in this process, through each\n" +
			"door and with each number of clients in turn. A client starts a transfer, waits\n" +
			"for its end and starts the next. With --rate transfers arrive by the clock, and\n" +
			"latency counts from when each should have begun. One in a hundred is refused and\n" +
			"undone. Every commit is synced, as always, and the result is audited.\n\n" +
			"  nats      a request: it answers when the saga is committed\n" +
			"  http      the same over HTTP, with connections that are kept\n" +
			"  publish   a message to a synced stream\n" +
			"  outbox    a row in a transaction of the caller's own database",
		Example: "  giro bench\n  giro bench --clients 256 --transfers 100000 -o json\n" +
			"  giro bench --door nats,http,publish,outbox --rate 500",
		Args: arguments(0, 0, "bench takes flags only"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if b.transfers > 0 && !cmd.Flags().Changed("duration") {
				b.duration = 0
			}
			if len(b.rates) > 0 && !cmd.Flags().Changed("clients") {
				b.clients = nil
			}
			return a.bench(cmd.Context(), b)
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&b.doors, "door", []string{string(bench.NATS)}, "`NAME,...` of doors in turn")
	flags.IntSliceVar(&b.clients, "clients", []int{1, 32, 256, 1024}, "`N,...` clients in turn")
	flags.Float64SliceVar(&b.rates, "rate", nil, "`N,...` a second, instead of --clients")
	flags.Lookup("rate").DefValue = "" // not "[]"
	flags.DurationVar(&b.duration, "duration", 10*time.Second, "how long with each number of clients")
	flags.IntVar(&b.transfers, "transfers", 0, "how many each, instead of --duration")
	flags.StringVar(&b.data, "data", "", "`DIR` of the data; default: a temporary one")
	_ = cmd.MarkFlagDirname("data") // the flag was just added
	return cmd
}

func (a *app) bench(ctx context.Context, b *benching) (err error) {
	if err := b.check(); err != nil {
		return err
	}
	dir := b.data
	if dir == "" {
		if dir, err = os.MkdirTemp("", "giro-bench-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	tune()
	wait := a.spin()
	report, err := bench.Run(ctx, bench.Config{
		Data: dir, Doors: b.entrances(), Clients: b.clients, Rates: b.rates, Duration: b.duration, Transfers: b.transfers, Log: a.log,
		Begun: func(l bench.Level) { wait.say(fmt.Sprintf("door %s, %s", l.Door, load(&l))) },
	})
	wait.stop()
	if err != nil {
		return err
	}
	if err := a.printBench(report); err != nil {
		return err
	}
	if !report.Audit.OK {
		return exitWith(exitError)
	}
	return nil
}

func (b *benching) entrances() []bench.Door {
	doors := make([]bench.Door, len(b.doors))
	for i, name := range b.doors {
		doors[i] = bench.Door(name)
	}
	return doors
}

// load is what a level is put under: "256 clients", "500/s".
func load(l *bench.Level) string {
	if l.Rate > 0 {
		return fmt.Sprintf("%g/s", l.Rate)
	}
	return fmt.Sprintf("%d clients", l.Clients)
}

func (b *benching) check() error {
	for _, d := range b.entrances() {
		if err := d.Check(); err != nil {
			return usageError("--door: %w", err)
		}
	}
	switch {
	case len(b.doors) == 0:
		return usageError("--door is empty: name at least one")
	case len(b.clients) > 0 && len(b.rates) > 0:
		return usageError("--clients and --rate exclude each other")
	case len(b.clients) == 0 && len(b.rates) == 0:
		return usageError("--clients is empty: name at least one number")
	case b.duration > 0 && b.transfers > 0:
		return usageError("--duration and --transfers exclude each other")
	case b.duration <= 0 && b.transfers <= 0:
		return usageError("--duration or --transfers must be positive")
	}
	for _, n := range b.clients {
		if n < 1 || n > drive.MaxClients {
			return usageError("--clients %d must be 1 to %d", n, drive.MaxClients)
		}
	}
	for _, r := range b.rates {
		if !(r > 0 && r <= bench.MaxRate) {
			return usageError("--rate %g must be above 0 and at most %d", r, bench.MaxRate)
		}
	}
	return nil
}

func (a *app) printBench(r *bench.Report) error {
	return a.print(r, anys(r.Levels), func(w io.Writer) error {
		g := a.newGrid("door", "load", "transfers/s", "p50", "p99", "max", "CPU s/1000", "fsyncs/1000", "bytes/saga", "on disk before the caller goes on")
		g.numbers(2, 3, 4, 5, 6, 7, 8, 9)
		for _, l := range r.Levels {
			g.row(string(l.Door), load(&l), thousands(int64(l.PerSecond)), short(l.Latency.P50), short(l.Latency.P99), short(l.Latency.Max),
				fmt.Sprintf("%.3f", l.CPU), fmt.Sprintf("%.0f", l.Commits), thousands(int64(l.Bytes)), l.Durability)
		}
		if err := g.write(w); err != nil {
			return err
		}
		_, err := fmt.Fprintf(w, "\ndurability: %s\naudit: %s\n", r.Durability, verdict(r.Audit))
		return err
	})
}
