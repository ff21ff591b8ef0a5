package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/girohq/giro/internal/batch"
	"github.com/girohq/giro/internal/drive"
	"github.com/girohq/giro/participants/ledger"
	"github.com/girohq/giro/saga"
	"github.com/spf13/cobra"
)

// running is what `giro run` was asked for.
type running struct {
	transfers string
	accounts  string
	data      string
	adopt     bool
	strategy  strategies
}

func newRunCommand(a *app) *cobra.Command {
	r := &running{}
	cmd := &cobra.Command{
		Use:   "run TRANSFERS.csv",
		Short: "Run a file of transfers, everything in this process",
		Long: "Check the files, bring up broker, orchestrator and a bank for each name in them\n" +
			"(no port is opened), run every transfer, and audit the result.\n\n" +
			"The files have the headers\n" +
			"  id,from_bank,from_account,to_bank,to_account,amount,currency\n" +
			"  bank,account,currency,balance\n" +
			"Without --accounts every paying account opens with what it pays out.\n\n" +
			"The same command again goes on where it stopped. The exit code is 0 when every\n" +
			"transfer is completed or compensated and the audit is clean, 11 when some are\n" +
			"suspended, 12 when some are abandoned, 1 when the audit found something, 2 when\n" +
			"a file is bad, 4 when an id is taken, 130 when it was interrupted.",
		Example:           "  giro run transfers.csv\n  giro run transfers.csv --accounts accounts.csv --data /var/lib/giro",
		Args:              arguments(1, 1, "TRANSFERS.csv"),
		ValidArgsFunction: completeCSV,
		RunE: func(cmd *cobra.Command, args []string) error {
			r.transfers = args[0]
			return a.run(cmd.Context(), r)
		},
	}
	addDirFlag(cmd, &r.data)
	flags := cmd.Flags()
	flags.StringVar(&r.accounts, "accounts", "", "accounts to open, from `FILE.csv`")
	r.strategy.register(flags)
	flags.BoolVar(&r.adopt, "adopt", false, "take over streams that belong to another store")
	return cmd
}

func completeCSV(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return []string{"csv"}, cobra.ShellCompDirectiveFilterFileExt
}

func (a *app) run(ctx context.Context, r *running) error {
	b, err := batch.Read(r.transfers, r.accounts)
	if err != nil {
		return &failure{code: exitUsage, err: err, try: r.advice(err)}
	}
	tune()
	tally := drive.NewTally()
	var bar *progress
	result, err := b.Run(ctx, batch.Config{
		Data: r.data, Prefix: a.connection.prefix, Adopt: r.adopt, Log: a.log, Tally: tally, Strategies: r.strategy.chosen,
		Begun: func(alreadyDone int) {
			bar = a.showProgress("transfers", b.Transfers(), func() int { return alreadyDone + tally.Counts().Sum() })
		},
	})
	if bar != nil {
		bar.stop()
	}
	var conflicts *batch.Conflicts
	switch {
	case errors.As(err, &conflicts):
		return &failure{code: exitConflict, err: err, try: "give these transfers other ids, or use another directory with --data"}
	case ctx.Err() != nil && result != nil:
		return &failure{code: exitInterrupted, try: r.again(),
			err: fmt.Errorf("interrupted: %s of %s transfers have not ended; nothing is lost", thousands(int64(result.Left())), thousands(int64(result.Transfers)))}
	case errors.Is(err, ledger.ErrStrategy):
		return usageError("--strategy: %w", err)
	case err != nil:
		return err
	}
	if err := a.printResult(result, tally.Causes()); err != nil {
		return err
	}
	a.hint(r, tally)
	return exitWith(resultCode(result))
}

// advice shows the header of the files where a line is wrong, and nothing where there is no file.
func (r *running) advice(err error) string {
	if errors.Is(err, os.ErrNotExist) {
		return "giro run --help"
	}
	return "correct these lines; nothing was started, nothing was written"
}

// again is the command that goes on.
func (r *running) again() string {
	words := []string{self(), "run", quoted(r.transfers)}
	if r.accounts != "" {
		words = append(words, "--accounts", quoted(r.accounts))
	}
	return strings.Join(append(words, "--data", quoted(r.data)), " ") + " goes on from there"
}

// resultCode is the worst that a run has met.
func resultCode(r *batch.Result) int {
	switch {
	case !r.Audit.OK:
		return exitError
	case r.Suspended > 0:
		return exitSuspended
	case r.Abandoned+r.Before.Abandoned > 0:
		return exitAbandoned
	}
	return exitOK
}

func (a *app) printResult(r *batch.Result, causes map[string]int) error {
	return a.print(r, []any{r}, func(w io.Writer) error {
		g := a.newGrid("outcome", "transfers", "because")
		g.numbers(2)
		g.row(a.state(saga.Completed), thousands(int64(r.Completed)), "")
		g.row(a.state(saga.Compensated), thousands(int64(r.Compensated)), printable(because(causes)))
		g.row(a.state(saga.Suspended), thousands(int64(r.Suspended)), "")
		if r.Abandoned > 0 {
			g.row(a.state(saga.Abandoned), thousands(int64(r.Abandoned)), "")
		}
		if r.AlreadyDone > 0 {
			g.row("already done", thousands(int64(r.AlreadyDone)), "")
		}
		if err := g.write(w); err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "\n%s\n\n", pace(r)); err != nil {
			return err
		}
		return a.writeAudit(w, &audited{Report: r.Audit})
	})
}

// pace says how fast a run was.
func pace(r *batch.Result) string {
	if r.Sum() == 0 {
		return "nothing was left to run"
	}
	return fmt.Sprintf("%s transfers ran in %s, %s/s; latency p50 %s, p99 %s, max %s", thousands(int64(r.Sum())), short(r.Took),
		thousands(int64(r.PerSecond())), short(r.Latency.P50), short(r.Latency.P99), short(r.Latency.Max))
}

// because lists causes, the most frequent first.
func because(causes map[string]int) string {
	names := slices.SortedFunc(maps.Keys(causes), func(x, y string) int {
		if causes[x] != causes[y] {
			return causes[y] - causes[x]
		}
		return strings.Compare(x, y)
	})
	for i, name := range names {
		names[i] = fmt.Sprintf("%s %s", name, thousands(int64(causes[name])))
	}
	return strings.Join(names, ", ")
}

// hint names commands to go on with, on a transfer that is worth a look.
func (a *app) hint(r *running, tally *drive.Tally) {
	state := saga.Completed
	for _, worthwhile := range []saga.State{saga.Suspended, saga.Compensated} {
		if tally.Example(worthwhile) != "" {
			state = worthwhile
			break
		}
	}
	id := tally.Example(state)
	if id == "" {
		return // nothing ran
	}
	data := quoted(r.data)
	a.note("")
	a.note("%s get %s --data %s", self(), id, data)
	a.note("%s history %s --data %s", self(), id, data)
	a.note("%s list --state %s --data %s", self(), state, data)
}

// self is how this program was called, so that what is suggested can be typed as it stands.
func self() string { return quoted(os.Args[0]) }
