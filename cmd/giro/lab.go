package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/girohq/giro/internal/lab"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// experimenting is what `giro lab` was asked for.
type experimenting struct {
	choice   lab.Choice
	load     lab.Load
	keys     []int // of a sweep
	workers  []int
	sweep    bool
	synced   bool
	postgres string
	data     string
	charts   string
}

const (
	maxLabWorkers = 10_000
	maxLabKeys    = 1_000_000
)

func newLabCommand(a *app) *cobra.Command {
	e := &experimenting{}
	cmd := &cobra.Command{
		Use:   "lab [EXPERIMENT...]",
		Short: "See races happen, and what cures them",
		Long: "Run experiments, all if none is named: each race without protection and with\n" +
			"every technique that claims to cure it, and count what went wrong in the data.\n" +
			"They run on SQLite, an embedded NATS, and Postgres if this machine has its\n" +
			"binaries or --postgres names one; nothing of yours is touched.\n\n" +
			"The exit code is 1 when a cure has an anomaly, or when none has none: then the\n" +
			"experiment has shown nothing, and needs more operations.",
		Example: "  giro lab list\n  giro lab\n  giro lab lost-update dirty-read --ops 100000 --charts charts\n" +
			"  giro lab sweep --workers 1,64 --keys 1,10000",
		RunE: func(cmd *cobra.Command, args []string) error {
			e.choice.Experiments = args
			return a.lab(cmd.Context(), e)
		},
	}
	e.register(cmd.Flags())
	cmd.Flags().IntVar(&e.load.Workers, "workers", 16, "`N` workers at the same time")
	cmd.Flags().IntVar(&e.load.Keys, "keys", 4, "`N` accounts, rows or locks to share")
	markLabFiles(cmd)
	cmd.AddCommand(newLabListCommand(a), newLabSweepCommand(a))
	return cmd
}

func newLabSweepCommand(a *app) *cobra.Command {
	e := &experimenting{sweep: true, choice: lab.Choice{Experiments: []string{"lost-update"}}}
	cmd := &cobra.Command{
		Use:   "sweep",
		Short: "Measure the ways to change a balance over contention",
		Long: "Run the experiment lost-update with each number of accounts and each number of\n" +
			"workers: what each technique costs alone, on one hot account, and on many.",
		Example: "  giro lab sweep --charts charts\n  giro lab sweep --on sqlite --technique atomic,optimistic -o json",
		Args:    arguments(0, 0, "sweep takes flags only"),
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.lab(cmd.Context(), e) },
	}
	e.register(cmd.Flags())
	cmd.Flags().IntSliceVar(&e.workers, "workers", []int{1, 4, 16, 64, 256}, "`N,...` workers in turn")
	cmd.Flags().IntSliceVar(&e.keys, "keys", []int{1, 10, 100, 10000}, "`N,...` accounts in turn")
	cmd.Flags().DurationVar(&e.load.For, "for", 5*time.Second, "end a cell that is not done by then")
	markLabFiles(cmd)
	return cmd
}

func newLabListCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the experiments and their techniques",
		Example: "  giro lab list",
		Args:    arguments(0, 0, "list takes no arguments"),
		RunE:    func(*cobra.Command, []string) error { return a.listExperiments(lab.Experiments()) },
	}
}

func (e *experimenting) register(flags *pflag.FlagSet) {
	flags.StringSliceVar(&e.choice.Techniques, "technique", nil, "only these techniques, a `NAME,...`")
	flags.StringSliceVar(&e.choice.On, "on", nil, "only these of sqlite, postgres, nats: a `NAME,...`")
	flags.IntVar(&e.load.Ops, "ops", 10_000, "`N` operations of each")
	flags.Uint64Var(&e.load.Seed, "seed", 1, "`N` that the operations are drawn from")
	flags.BoolVar(&e.synced, "synced", false, "sync each commit to the disk, as a bank does")
	flags.StringVar(&e.postgres, "postgres", os.Getenv(postgresEnv), "a Postgres by its `URL` ["+postgresEnv+"]")
	flags.Lookup("postgres").DefValue = "" // may have a password
	flags.StringVar(&e.charts, "charts", "", "draw SVG and PNG into this `DIR`")
	flags.StringVar(&e.data, "data", "", "`DIR` of the data; default: a temporary one")
}

func markLabFiles(cmd *cobra.Command) {
	for _, name := range []string{"charts", "data"} {
		_ = cmd.MarkFlagDirname(name) // the flag was just added
	}
}

func (e *experimenting) check() error {
	keys, workers := e.keys, e.workers
	if !e.sweep {
		keys, workers = []int{e.load.Keys}, []int{e.load.Workers}
	}
	switch {
	case e.load.Ops < 1:
		return usageError("--ops %d must be at least 1", e.load.Ops)
	case e.load.For < 0:
		return usageError("--for %s must not be negative", e.load.For)
	case len(keys) == 0 || len(workers) == 0:
		return usageError("--keys and --workers need at least one number each")
	}
	for _, n := range keys {
		if n < 1 || n > maxLabKeys {
			return usageError("--keys %d must be 1 to %d", n, maxLabKeys)
		}
	}
	for _, n := range workers {
		if n < 1 || n > maxLabWorkers {
			return usageError("--workers %d must be 1 to %d", n, maxLabWorkers)
		}
	}
	if e.postgres == os.Getenv(postgresEnv) {
		return nil
	}
	return refusePassword("--postgres", e.postgres)
}

func (a *app) lab(ctx context.Context, e *experimenting) (err error) {
	if err := e.check(); err != nil {
		return err
	}
	dir := e.data
	if dir == "" {
		if dir, err = os.MkdirTemp("", "giro-lab-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	} else if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	w, err := lab.NewWorld(ctx, lab.WorldConfig{Dir: dir, DSN: e.postgres, Synced: e.synced, Log: a.log})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	report, err := a.experiment(ctx, w, e)
	if err != nil {
		return err
	}
	if err := a.printLab(report); err != nil {
		return err
	}
	if e.charts != "" {
		names, err := lab.WriteCharts(e.charts, report)
		if err != nil {
			return err
		}
		a.note("%d charts in %s, as SVG and PNG", len(names), e.charts)
	}
	if !report.OK() {
		return exitWith(exitError)
	}
	return nil
}

// experiment runs what was chosen and shows how far it is.
func (a *app) experiment(ctx context.Context, w *lab.World, e *experimenting) (*lab.Report, error) {
	cells, err := lab.Plan(w, e.choice, e.load)
	if e.sweep {
		cells, err = lab.Sweep(w, e.choice, e.load, e.keys, e.workers)
	}
	switch {
	case errors.Is(err, lab.ErrUnknown):
		return nil, usageError("%w", err)
	case err != nil:
		return nil, err
	case len(cells) == 0:
		return nil, usageError("nothing is left to run: no technique of that choice is on a database that is here")
	}
	var before, now atomic.Int64
	total := 0
	for _, c := range cells {
		total += c.Load.Ops
	}
	bar := a.showProgress("operations", total, func() int { return int(before.Load() + now.Load()) })
	defer bar.stop()
	report, err := lab.RunAll(ctx, w, cells, e.sweep, func(n int, _ lab.Cell) {
		done := 0
		for _, c := range cells[:n] {
			done += c.Load.Ops
		}
		before.Store(int64(done))
		now.Store(0)
	}, func(done int) { now.Store(int64(done)) })
	if report != nil {
		report.Version = thisBuild().Version
	}
	return report, err
}

func (a *app) printLab(r *lab.Report) error {
	return a.print(r, anys(r.Results), func(w io.Writer) error {
		g := a.newGrid("experiment", "technique", "on", "keys", "workers", "operations", "refused", "anomalies", "conflicts", "waits", "ops/s", "p50", "p99")
		g.numbers(4, 5, 6, 7, 8, 9, 10, 11, 12, 13)
		for _, one := range r.Results {
			g.row(one.Experiment, one.Technique, string(one.On), one.Keys, one.Workers, thousands(int64(one.Ops)), thousands(int64(one.Refused)),
				thousands(int64(one.Anomalies)), thousands(one.Conflicts), thousands(one.Waits), thousands(int64(one.PerSecond)), short(one.P50), short(one.P99))
		}
		if err := g.write(w); err != nil {
			return err
		}
		fmt.Fprintf(w, "\ncommits: %s\n", r.Durability)
		if r.Without != "" {
			fmt.Fprintf(w, "not run on Postgres: %s\n", r.Without)
		}
		for _, why := range r.Broken {
			fmt.Fprintf(w, "broken: %s\n", why)
		}
		return nil
	})
}

func (a *app) listExperiments(all []lab.Experiment) error {
	type listed struct {
		Experiment string `json:"experiment"`
		Technique  string `json:"technique"`
		On         string `json:"on"`
		Kind       string `json:"kind"`
		Sentence   string `json:"sentence"`
	}
	var items []listed
	for _, e := range all {
		for _, t := range e.Techniques {
			items = append(items, listed{e.Name, t.Name, databases(t.On), t.Kind, t.Sentence})
		}
	}
	return a.print(items, anys(items), func(w io.Writer) error {
		for _, e := range all {
			fmt.Fprintf(w, "%s\n  %s\n  One operation: %s. Anomaly: %s.\n", e.Name, e.Sentence, e.Operation, e.Anomaly)
			g := a.newGrid("  technique", "on", "what it does")
			for _, t := range e.Techniques {
				g.row("  "+t.Name, databases(t.On), t.Sentence)
			}
			if err := g.write(w); err != nil {
				return err
			}
			fmt.Fprintln(w)
		}
		return nil
	})
}

func databases(on []lab.Database) string {
	text := ""
	for i, d := range on {
		if i > 0 {
			text += ","
		}
		text += string(d)
	}
	return text
}
