package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/girohq/giro/client"
	"github.com/girohq/giro/internal/audit"
	"github.com/girohq/giro/internal/witness"
	"github.com/spf13/cobra"
)

func newAuditCommand(a *app) *cobra.Command {
	var data string
	var files, logs []string
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Check that no money is lost, doubled or half moved",
		Long: "Read the databases, and only them, and check the invariants I2 to I9: every\n" +
			"saga that has ended is done or undone as a whole, each effect once, every\n" +
			"balance is what its entries say, and all money is accounted for. It may run\n" +
			"beside a running system: what is under way then is shown as in flight.\n\n" +
			"With logs of what clients were told it checks too that what was accepted is\n" +
			"there (I1), that one id is one saga (I10), and that nothing a client has seen is\n" +
			"taken back (I12). A log is what giro torture writes, a JSON object a line. That\n" +
			"two processes never own one directory (I11) leaves no trace in a database.\n\n" +
			"Of the first violation the saga's history is shown. The exit code is 1 then.",
		Example: "  giro audit\n  giro audit --db /srv/a/orchestrator.db --db /srv/b/ledger-YZ.db\n" +
			"  giro audit --db orchestrator.db --db 'postgres://h/db?search_path=ledger-B'\n" +
			"  giro audit --data giro-data --client witness.jsonl",
		Args: arguments(0, 0, "audit takes flags only"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if len(files) > 0 && cmd.Flags().Changed("data") {
				return usageError("--data and --db exclude each other: name a directory, or every file")
			}
			return a.audit(cmd.Context(), data, files, logs)
		},
	}
	addDirFlag(cmd, &data)
	cmd.Flags().StringArrayVar(&files, "db", nil, "a database `FILE` or Postgres URL; once for each")
	cmd.Flags().StringArrayVar(&logs, "client", nil, "a log `FILE` of what clients were told; once for each")
	return cmd
}

func (a *app) audit(ctx context.Context, data string, paths, logs []string) error {
	files, err := auditFiles(ctx, data, paths)
	if err != nil {
		return err
	}
	files.Clients = logs
	tune()
	wait := a.spin()
	wait.say("reading " + files.Orchestrator)
	report, err := audit.Run(ctx, files)
	wait.stop()
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, witness.ErrLine) || errors.Is(err, witness.ErrTooLong) {
		return usageError("%w", err)
	}
	if err != nil {
		return err
	}
	found, err := inFull(ctx, files.Orchestrator, report)
	if err != nil {
		return err
	}
	if err := a.print(found, anys(report.Violations), func(w io.Writer) error { return a.writeAudit(w, found) }); err != nil {
		return err
	}
	if !report.OK {
		return exitWith(exitError)
	}
	return nil
}

// audited is a report with the money of each bank told apart, and the history of the first saga that is to blame.
type audited struct {
	*audit.Report
	Money   []bankMoney     `json:"money,omitempty"`
	First   string          `json:"first,omitempty"`   // the saga
	History []client.Moment `json:"history,omitempty"` // of it
}

// bankMoney is the money of a bank in one currency, told apart as in [audit.Position].
type bankMoney struct {
	Bank     string `json:"bank"`
	Currency string `json:"currency"`
	Settled  int64  `json:"settled"`
	Held     int64  `json:"held"`
	InFlight int64  `json:"in_flight"`
}

func inFull(ctx context.Context, orchestrator string, r *audit.Report) (*audited, error) {
	found := &audited{Report: r}
	for _, b := range r.Banks {
		found.Money = append(found.Money, bankMoney{b.Bank, b.Currency, b.Settled, b.Held, b.InFlight})
	}
	i := slices.IndexFunc(r.Violations, func(v audit.Violation) bool { return v.Saga != "" })
	if i < 0 {
		return found, nil
	}
	found.First = r.Violations[i].Saga
	err := readFile(ctx, orchestrator, func(ctx context.Context, files reading) error {
		history, err := files.History(ctx, found.First)
		var problem *client.Problem
		if errors.As(err, &problem) { // there is no such saga, which may be the violation
			return nil
		}
		found.History = history.Items
		return err
	})
	return found, err
}

// auditFiles finds the files, or says how to name them.
func auditFiles(ctx context.Context, data string, paths []string) (audit.Files, error) {
	if len(paths) == 0 {
		files, err := audit.In(data)
		if err == nil {
			_, err = os.Stat(files.Orchestrator)
		}
		if errors.Is(err, os.ErrNotExist) {
			return files, usageError("--data %s: there is no orchestrator.db in it", data)
		}
		return files, err
	}
	for _, path := range paths {
		if err := refusePassword("--db", path); err != nil {
			return audit.Files{}, err
		}
		if settingOf("host|dbname|user").MatchString(path) && !strings.Contains(path, "://") {
			return audit.Files{}, usageError("--db %s: a Postgres database is named by its URL, postgres://HOST/DATABASE?search_path=SCHEMA", path)
		}
	}
	files, err := audit.Sort(ctx, paths)
	for _, misnamed := range []error{os.ErrNotExist, audit.ErrNotGiro, audit.ErrNoOrchestrator, audit.ErrTwoOrchestrators} {
		if errors.Is(err, misnamed) {
			return files, usageError("%w", err)
		}
	}
	return files, explainPostgres(err)
}

// writeAudit shows a report. Its last line is the verdict.
func (a *app) writeAudit(w io.Writer, r *audited) error {
	banks := a.newGrid("bank", "currency", "accounts", "balance", "held")
	banks.numbers(3, 4, 5)
	if r.Money != nil {
		banks = a.newGrid("bank", "currency", "accounts", "balance", "held", "settled", "in flight")
		banks.numbers(3, 4, 5, 6, 7)
	}
	for i, b := range r.Banks {
		row := []any{b.Bank, b.Currency, thousands(int64(b.Accounts)), money(b.Balance), money(b.Held)}
		if r.Money != nil {
			row = append(row, money(r.Money[i].Settled), money(r.Money[i].InFlight))
		}
		banks.row(row...)
	}
	err := banks.write(w)
	for _, f := range r.InFlight {
		_, wrong := fmt.Fprintf(w, "in flight: %s %s of %s sagas\n", money(f.Amount), f.Currency, thousands(int64(f.Sagas)))
		err = errors.Join(err, wrong)
	}
	for _, o := range r.Open {
		_, wrong := fmt.Fprintf(w, "open: step %s of saga %s was settled by force as %s: look at what its participant did\n", printable(o.Step), printable(o.Saga), o.State)
		err = errors.Join(err, wrong)
	}
	for _, v := range r.Violations {
		_, wrong := fmt.Fprintf(w, "%s %s: %s\n", v.Invariant, subject(v), printable(v.Detail))
		err = errors.Join(err, wrong)
	}
	if len(r.History) > 0 {
		_, wrong := fmt.Fprintf(w, "\nsaga %s:\n", printable(r.First))
		err = errors.Join(err, wrong, a.writeHistory(w, r.History))
	}
	_, wrong := fmt.Fprintf(w, "\naudit: %s\n", verdict(r.Report))
	return errors.Join(err, wrong)
}

// subject is what a violation is about.
func subject(v audit.Violation) string {
	if v.Saga == "" {
		return "books"
	}
	return "saga " + printable(v.Saga)
}

func verdict(r *audit.Report) string {
	judged := fmt.Sprintf("%s finished sagas judged, %s under way", thousands(int64(r.Judged)), thousands(int64(r.Live)))
	if r.Told > 0 {
		judged += fmt.Sprintf(", %s answers to clients", thousands(int64(r.Told)))
	}
	if n := len(r.Violations) + r.More; n > 0 {
		return fmt.Sprintf("%s violations; %s", thousands(int64(n)), judged)
	}
	return "ok; " + judged
}
