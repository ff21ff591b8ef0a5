package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/girohq/giro/internal/bench"
	"github.com/girohq/giro/internal/chart"
	"github.com/girohq/giro/internal/drive"
	"github.com/girohq/giro/internal/wire"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// benching is what `giro bench` was asked for.
type benching struct {
	doors     []string
	clients   []int
	rates     []float64
	duration  time.Duration
	transfers int
	data      string
	chart     string
	broker    string
	separate  bool
	world     bench.World
}

func newBenchCommand(a *app) *cobra.Command {
	b := &benching{}
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure transfers a second, latency and cost on this machine",
		Long: "Run transfers between two banks of 10,000 accounts, through each door and with\n" +
			"each number of clients in turn. A client starts a transfer, waits for its end\n" +
			"and starts the next. With --rate transfers arrive by the clock, and latency\n" +
			"counts from when each should have begun. One in a hundred is refused and undone.\n" +
			"Every commit is synced, as always, and the result is audited.\n\n" +
			"  nats      a request: it answers when the saga is committed\n" +
			"  http      the same over HTTP, with connections that are kept\n" +
			"  publish   a message to a synced stream\n" +
			"  outbox    a row in a transaction of the caller's own database\n\n" +
			"The broker is inside this process; or a cluster of three servers on loopback\n" +
			"that keep each message three times; or elsewhere, as the connection flags say:\n" +
			"the streams that are made there have a prefix of their own, and are deleted.",
		Example: "  giro bench\n  giro bench --clients 256 --transfers 100000 -o json\n" +
			"  giro bench --rate 500,1000,2000,4000 --chart latency.svg\n" +
			"  giro bench --broker cluster --separate --steps 4 --payload 2000",
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
	b.register(cmd.Flags())
	_ = cmd.MarkFlagDirname("data") // the flag was just added
	cmd.AddCommand(newFloorCommand(a))
	return cmd
}

func (b *benching) register(flags *pflag.FlagSet) {
	flags.StringSliceVar(&b.doors, "door", []string{string(bench.NATS)}, "`NAME,...` of doors in turn")
	flags.IntSliceVar(&b.clients, "clients", []int{1, 32, 256, 1024}, "`N,...` clients in turn")
	flags.Float64SliceVar(&b.rates, "rate", nil, "`N,...` a second, instead of --clients")
	flags.Lookup("rate").DefValue = "" // not "[]"
	flags.DurationVar(&b.duration, "duration", 10*time.Second, "how long with each number of clients")
	flags.IntVar(&b.transfers, "transfers", 0, "how many each, instead of --duration")
	flags.StringVar(&b.data, "data", "", "`DIR` of the data; default: a temporary one")
	flags.StringVar(&b.chart, "chart", "", "draw latency over load into this `FILE`, .svg or .png")
	w := &b.world
	flags.IntVar(&w.Banks, "banks", 2, "how many")
	flags.IntVar(&w.Accounts, "accounts", 10_000, "of each bank")
	flags.IntVar(&w.Steps, "steps", 2, "of each saga: debits and credits in turn")
	flags.IntVar(&w.Payload, "payload", 0, "`BYTES` more in each start and each command")
	flags.Float64Var(&w.FailRate, "fail-rate", 0.01, "`SHARE` of transfers that are refused")
	flags.Float64Var(&w.Hot, "hot", 0, "`SHARE` of transfers that debit one account")
	flags.StringVar(&b.broker, "broker", string(bench.Inside), "inside, cluster or elsewhere")
	flags.IntVar(&w.Replicas, "replicas", 0, "`SERVERS` that keep each message elsewhere; default 1")
	flags.BoolVar(&b.separate, "separate", false, "banks are processes of their own")
}

func (a *app) bench(ctx context.Context, b *benching) (err error) {
	if err := b.check(); err != nil {
		return err
	}
	dir, remove, err := benchDir(b.data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	if b.world, err = a.world(b); err != nil {
		return err
	}
	tune()
	wait := a.spin()
	report, err := bench.Run(ctx, bench.Config{
		Data: dir, Doors: b.entrances(), Clients: b.clients, Rates: b.rates, Duration: b.duration, Transfers: b.transfers, Log: a.log,
		Begun: func(l bench.Level) { wait.say(fmt.Sprintf("door %s, %s", l.Door, load(&l))) }, World: b.world,
	})
	wait.stop()
	if err != nil {
		return err
	}
	if err := a.printBench(report); err != nil {
		return err
	}
	if b.chart != "" {
		if err := bench.WriteCurve(b.chart, report); err != nil {
			return err
		}
	}
	if !report.Audit.OK {
		return exitWith(exitError)
	}
	return nil
}

// benchDir is the directory of a bench, and how to get rid of it if it is a temporary one.
func benchDir(data string) (dir string, remove func() error, err error) {
	if data != "" {
		return data, func() error { return nil }, nil
	}
	dir, err = os.MkdirTemp("", "giro-bench-")
	return dir, func() error { return os.RemoveAll(dir) }, err
}

// world is what the load is to meet, with the ways there.
func (a *app) world(b *benching) (bench.World, error) {
	w := b.world
	w.Prefix = cmp.Or(a.connection.prefix, wire.DefaultPrefix)
	if b.separate {
		program, err := os.Executable()
		if err != nil {
			return w, err
		}
		w.Program = program
	}
	if w.Broker == bench.Elsewhere {
		w.Prefix = "bench-" + strings.ToLower(nuid.Next()[:12])
		w.Dial = func(name string) (*nats.Conn, error) { return a.connect(name, false) }
		w.Reach = a.connection.args()
	}
	return w, nil
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
	if err := b.checkWorld(); err != nil {
		return err
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

// checkWorld checks what the load is to meet, and where its picture goes.
func (b *benching) checkWorld() error {
	b.world.Broker = bench.Broker(b.broker)
	if b.chart != "" {
		if err := chart.CheckName(b.chart); err != nil {
			return usageError("--chart %s: %w", b.chart, err)
		}
	}
	if b.world.Replicas != 0 && b.world.Broker != bench.Elsewhere {
		return usageError("--replicas is for --broker elsewhere: a cluster has three, and a broker inside one")
	}
	checked := b.world
	checked.Dial = func(string) (*nats.Conn, error) { return nil, nats.ErrConnectionClosed } // the way there is made later
	if err := checked.Check(); err != nil {
		return usageError("%w", err)
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
		for _, l := range r.Levels {
			if l.Hot != nil {
				fmt.Fprintf(w, "%s, %s: on the hot account p50 %s and p99 %s, on others %s and %s\n", l.Door, load(&l),
					short(l.Hot.P50), short(l.Hot.P99), short(l.Others.P50), short(l.Others.P99))
			}
		}
		_, err := fmt.Fprintf(w, "\nworld: %s\ndurability: %s\naudit: %s\n", r.World, r.Durability, verdict(r.Audit))
		return err
	})
}
