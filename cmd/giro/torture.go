package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/girohq/giro/embedded"
	"github.com/girohq/giro/internal/torture"
	"github.com/spf13/cobra"
)

// torturing is what `giro torture` was asked for.
type torturing struct {
	cfg  torture.Config
	html string // file of the page; "": none
}

func newTortureCommand(a *app) *cobra.Command {
	t := &torturing{}
	cmd := &cobra.Command{
		Use:   "torture",
		Short: "Break everything while money moves, and judge what is left",
		Long: "Start a broker, an orchestrator and three banks as processes of their own, let\n" +
			"customers ask for transfers, and break what there is by a schedule drawn from\n" +
			"--seed. Then all that was accepted must come to its end, and the databases and\n" +
			"what the customers were told are audited. Nothing of yours is touched.\n\n" +
			"The exit code is 0 when it is green, 1 when something is wrong, and 13 when\n" +
			"nothing was shown: a fault never fired, or too little succeeded.",
		Example: "  giro torture\n  giro torture --duration 1h --seed 7 --html torture.html\n" +
			"  giro torture --transfers 5000 --faults kill-bank,kill-broker -o json",
		Args: arguments(0, 0, "torture takes flags only"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if t.cfg.Transfers > 0 && !cmd.Flags().Changed("duration") {
				t.cfg.Duration = 0
			}
			if !cmd.Flags().Changed("seed") {
				t.cfg.Seed = uint64(time.Now().UnixNano())
			}
			return a.torture(cmd.Context(), t)
		},
	}
	flags := cmd.Flags()
	flags.DurationVar(&t.cfg.Duration, "duration", time.Minute, "how long, at least")
	flags.IntVar(&t.cfg.Transfers, "transfers", 0, "how many, instead of --duration")
	flags.IntVar(&t.cfg.Strikes, "strikes", 0, "about `N`; default: what the length is good for")
	flags.Uint64Var(&t.cfg.Seed, "seed", 0, "`N` of all that is drawn; default: a new one")
	flags.StringSliceVar(&t.cfg.Faults, "faults", []string{"all"}, "`NAME,...` of giro torture faults")
	flags.Lookup("faults").DefValue = "all"
	flags.IntVar(&t.cfg.Clients, "clients", 16, "`N` customers at the same time")
	flags.IntVar(&t.cfg.Banks, "banks", 3, "`N` banks")
	flags.StringVar(&t.html, "html", "", "write a page with the run's picture to `FILE`")
	flags.StringVar(&t.cfg.Dir, "data", "", "`DIR` of all data, kept; default: a temporary\none, kept if something is wrong")
	_ = cmd.MarkFlagDirname("data") // the flag was just added
	cmd.AddCommand(newTortureBoardCommand(a), newTortureFaultsCommand(a), newTortureBrokerCommand(a))
	return cmd
}

func newTortureFaultsCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "faults",
		Short:   "List the faults, and which of them this machine can make",
		Example: "  giro torture faults",
		Args:    arguments(0, 0, "faults takes no arguments"),
		RunE:    func(*cobra.Command, []string) error { return a.listFaults(torture.Faults()) },
	}
}

// newTortureBrokerCommand is the broker of an installation that is tortured.
func newTortureBrokerCommand(a *app) *cobra.Command {
	cfg := embedded.NATSConfig{}
	cmd := &cobra.Command{
		Use:    "broker",
		Short:  "Run a broker to be tortured",
		Hidden: true,
		Args:   arguments(0, 0, "broker takes flags only"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg.Log = a.log
			server, err := embedded.StartNATS(cfg)
			if err != nil {
				return err
			}
			return server.Run(cmd.Context())
		},
	}
	cmd.Flags().StringVar(&cfg.Dir, "data", "", "`DIR` of its store")
	cmd.Flags().StringVar(&cfg.Listen, "listen", "", "`ADDR` on this machine")
	return cmd
}

func (a *app) torture(ctx context.Context, t *torturing) (err error) {
	if err := t.check(); err != nil {
		return err
	}
	kept := t.cfg.Dir != ""
	if !kept {
		if t.cfg.Dir, err = os.MkdirTemp("", "giro-torture-"); err != nil {
			return err
		}
		defer func() {
			if !kept {
				err = errors.Join(err, os.RemoveAll(t.cfg.Dir))
			}
		}()
	}
	a.note("seed %d, data %s", t.cfg.Seed, t.cfg.Dir)
	wait := a.watchTorture()
	report, err := torture.Run(ctx, t.cfg, wait.show)
	wait.stop()
	switch {
	case errors.Is(err, torture.ErrConfig), errors.Is(err, torture.ErrUnknown), errors.Is(err, torture.ErrData):
		return usageError("%w", err)
	case err != nil:
		kept = kept || ctx.Err() == nil
		return err
	}
	b := thisBuild()
	report.Version, report.Commit = b.Version, b.Commit
	if b.Modified {
		report.Commit += ", modified"
	}
	kept = kept || report.Verdict == torture.Red
	if err := errors.Join(a.printTorture(report), writePage(t.html, report)); err != nil {
		return err
	}
	if kept {
		a.note("data: %s", t.cfg.Dir)
	}
	return exitWith(verdictCode(report.Verdict))
}

func writePage(name string, r *torture.Report) (err error) {
	if name == "" {
		return nil
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return r.WritePage(f)
}

func verdictCode(v torture.Verdict) int {
	switch v {
	case torture.Green:
		return exitOK
	case torture.Void:
		return exitVoid
	}
	return exitError
}

func (t *torturing) check() error {
	if len(t.cfg.Faults) == 1 && t.cfg.Faults[0] == "all" {
		t.cfg.Faults = nil
	}
	switch {
	case t.cfg.Duration > 0 && t.cfg.Transfers > 0:
		return usageError("--duration and --transfers exclude each other")
	case t.cfg.Duration <= 0 && t.cfg.Transfers <= 0:
		return usageError("--duration or --transfers must be positive")
	}
	return nil
}

// tortureWatch shows how far a run is: on a terminal a line that changes, elsewhere one each few seconds.
type tortureWatch struct {
	app  *app
	line *spinner
	told time.Time
}

func (a *app) watchTorture() *tortureWatch {
	return &tortureWatch{app: a, line: a.spin(), told: time.Now()}
}

func (w *tortureWatch) show(p torture.Progress) {
	text := fmt.Sprintf("%s: %s asked, %s accepted, %s ended, %d of %d faults", p.Phase,
		thousands(int64(p.Asked)), thousands(int64(p.Accepted)), thousands(int64(p.Ended)), p.Struck, p.Strikes)
	if p.Fault != "" {
		text += ": " + p.Fault
	}
	w.line.say(text)
	if w.line == nil && time.Since(w.told) >= tellEvery {
		w.told = time.Now()
		w.app.note("%s", text)
	}
}

func (w *tortureWatch) stop() { w.line.stop() }

func (a *app) printTorture(r *torture.Report) error {
	return a.print(r, anys(r.Strikes), func(w io.Writer) error {
		g := a.newGrid("fault", "struck", "fired", "well again", "at most", "")
		g.numbers(2, 3, 4, 5)
		for _, f := range r.Faults {
			g.row(f.Name, f.Struck, f.Fired, inSeconds(f.Median), inSeconds(f.Longest), cut(f.Void, 60))
		}
		err := g.write(w)
		fmt.Fprintln(w)
		i := a.newGrid("invariant", "judged", "violations", "of what")
		i.numbers(2, 3)
		for _, one := range r.Invariants {
			i.row(one.Name, thousands(int64(one.Judged)), one.Violations, one.What)
		}
		err = errors.Join(err, i.write(w))
		fmt.Fprintln(w)
		p := a.newGrid("rare path", "reached")
		p.numbers(2)
		for _, one := range r.Rare {
			p.row(one.Name, thousands(int64(one.Reached)))
		}
		err = errors.Join(err, p.write(w))
		return errors.Join(err, writeTortureSums(w, r))
	})
}

func inSeconds(s float64) string {
	if s == 0 {
		return ""
	}
	return short(time.Duration(s * float64(time.Second)))
}

// writeTortureSums is the rest of a report: what was run, and the verdict in the last line.
func writeTortureSums(w io.Writer, r *torture.Report) error {
	n := func(i int) string { return thousands(int64(i)) }
	t := r.Transfers
	lines := fmt.Sprintf("\n%s asked, %s accepted, %s completed, %s compensated, %s suspended, %s open, %s unsure\n",
		n(t.Asked), n(t.Accepted), n(t.Completed), n(t.Compensated), n(t.Suspended), n(t.Open), n(t.Unsure))
	lines += fmt.Sprintf("asked while faults struck: %s of %s succeeded (%.0f %%)\n", n(r.Struck.Succeeded), n(r.Struck.Asked), 100*r.Struck.Of())
	ends := map[string]int{}
	for _, d := range r.Deaths {
		ends[d.Name+" ended by itself: "+d.How]++
	}
	for _, end := range slices.Sorted(maps.Keys(ends)) {
		lines += fmt.Sprintf("%s, %d times\n", end, ends[end])
	}
	lines += fmt.Sprintf("seed %d, commit %s, %s, %.0fs, drained in %.1fs\n\n", r.Seed, r.Commit, r.Machine, r.Seconds, r.Drained)
	for _, why := range r.Reasons {
		lines += printable(why) + "\n"
	}
	_, err := fmt.Fprintf(w, "%storture: %s\n", lines, r.Verdict)
	return err
}

func (a *app) listFaults(all []torture.Fault) error {
	type listed struct {
		Fault    string `json:"fault"`
		Sentence string `json:"sentence"`
		Void     string `json:"void,omitempty"`
	}
	items := make([]listed, len(all))
	for i, f := range all {
		items[i] = listed{Fault: f.Name, Sentence: f.Sentence}
		if f.Needs != nil {
			if err := f.Needs(); err != nil {
				items[i].Void = err.Error()
			}
		}
	}
	return a.print(items, anys(items), func(w io.Writer) error {
		g := a.newGrid("fault", "what it does")
		for _, i := range items {
			if i.Void != "" {
				i.Sentence += ". Void here: " + i.Void
			}
			g.row(i.Fault, i.Sentence)
		}
		return g.write(w)
	})
}
