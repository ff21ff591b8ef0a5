package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/girohq/giro/participants/ledger"
	"github.com/spf13/cobra"
)

func newParticipantCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "participant",
		Short:   "Run a participant against an existing NATS",
		Example: "  giro participant ledger --bank YZ --data giro-data",
		Args:    arguments(0, 1, ""),
		RunE:    group,
	}
	cmd.AddCommand(newLedgerCommand(a))
	return cmd
}

// ledgerFlags are those of participant ledger.
type ledgerFlags struct {
	bank     string
	data     string
	accounts string
	strategy string
	postgres string
	wait     time.Duration // for the server of Postgres
	limit    string
	standby  bool
	metrics  string
	clock    tortureClock
}

func newLedgerCommand(a *app) *cobra.Command {
	f := &ledgerFlags{}
	cmd := &cobra.Command{
		Use:   "ledger",
		Short: "Run a bank",
		Long: "Ledger runs one bank until it is interrupted. Of the file of accounts, those of\n" +
			"this bank are opened where they do not exist yet. With --standby any number of\n" +
			"processes may be started on one data directory: one leads, the others wait.",
		Example: "  giro participant ledger --bank YZ --data giro-data --accounts accounts.csv\n" +
			"  giro participant ledger --bank YZ --postgres postgres://giro@db.local/banks",
		Args: arguments(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.ledger(cmd.Context(), f)
		},
	}
	cmd.Flags().StringVar(&f.bank, "bank", "", "`NAME` of the bank; required")
	addDirFlag(cmd, &f.data)
	cmd.Flags().StringVar(&f.accounts, "accounts", "", "CSV `FILE` of accounts to open")
	addStandbyFlag(cmd, &f.standby)
	f.clock.register(cmd.Flags())
	cmd.Flags().StringVar(&f.metrics, "metrics", "", "loopback `ADDR` of /metrics, without a token")
	cmd.Flags().StringVar(&f.strategy, "strategy", "", "how balances change; default the first `NAME` of\n"+strategyNames())
	cmd.Flags().StringVar(&f.postgres, "postgres", os.Getenv(postgresEnv),
		"keep it at this `URL`, password in PGPASSWORD or a\nPGPASSFILE ["+postgresEnv+"]")
	cmd.Flags().Lookup("postgres").DefValue = "" // may have a password
	cmd.Flags().DurationVar(&f.wait, "postgres-wait", 30*time.Second, "how long it is waited for, a `TIME`")
	cmd.Flags().StringVar(&f.limit, "daily-limit", "", "most an account may spend a day (UTC): an `AMOUNT`")
	return cmd
}

// config is what the flags say of the bank.
func (f *ledgerFlags) config() (ledger.Config, error) {
	cfg := ledger.Config{Bank: f.bank, Dir: f.data, Now: f.clock.source()}
	if f.bank == "" {
		return cfg, usageError("--bank is missing: the bank's name, as transfers call it")
	}
	var err error
	if cfg.Strategy, err = ledger.ParseStrategy(f.strategy); err != nil {
		return cfg, usageError("--strategy: %w", err)
	}
	if f.limit != "" {
		most, err := ledger.ParseAmount(f.limit)
		if err != nil || most == 0 {
			return cfg, usageError("--daily-limit %q must be an amount above zero, as 1000.00", f.limit)
		}
		cfg.Limit = &ledger.Limit{Max: most, Day: time.UTC}
	}
	switch {
	case f.postgres != "" && f.standby:
		return cfg, usageError("--standby is for a data directory: a bank on Postgres lets one process in, and the next one when that is gone")
	case f.postgres != "":
		cfg.Postgres, err = postgresConfig(f.postgres, ledger.SchemaName(f.bank))
	}
	return cfg, err
}

// place is where the bank is kept, as it may be told.
func (f *ledgerFlags) place() string {
	if f.postgres != "" {
		return "in Postgres"
	}
	return f.data
}

func (a *app) ledger(ctx context.Context, f *ledgerFlags) error {
	cfg, err := f.config()
	if err != nil {
		return err
	}
	accounts, err := readAccounts(f.accounts)
	if err != nil {
		return err
	}
	traces, err := a.openTraces(ctx, "giro-"+f.bank)
	if err != nil {
		return err
	}
	defer a.closeTraces(traces)
	cfg.Tracer = traces.Provider()
	var own []ledger.Account
	for _, account := range accounts {
		if account.Bank == f.bank {
			own = append(own, account.Account)
		}
	}
	if cfg.Postgres == nil {
		if err := os.MkdirAll(f.data, 0o750); err != nil {
			return fmt.Errorf("data directory: %w", err)
		}
	}
	open := func(ctx context.Context) (func(context.Context) error, error) { return a.openBank(ctx, f, cfg, own) }
	if f.standby {
		return a.ledgerStandby(ctx, f, open)
	}
	run, err := a.whenReachable(ctx, f.wait, open)
	if err != nil {
		return err
	}
	return drained(ctx, run)
}

// openBank opens a bank and its accounts; what it returns runs the bank and closes it.
func (a *app) openBank(ctx context.Context, f *ledgerFlags, cfg ledger.Config, accounts []ledger.Account) (func(context.Context) error, error) {
	conn, err := a.connect("giro bank "+f.bank, true)
	if err != nil {
		return nil, err
	}
	cfg.Conn, cfg.Prefix, cfg.Log = conn, a.connection.prefix, a.log
	b, err := ledger.Open(ctx, cfg)
	if err != nil {
		conn.Close()
		return nil, explainPostgres(err)
	}
	closing := func() error { conn.Close(); return b.Close() }
	opened, err := b.OpenAccounts(ctx, accounts)
	if err != nil {
		if cfg.Postgres != nil {
			err = explainPostgres(whileGone(err))
		}
		return nil, errors.Join(err, closing())
	}
	served, err := a.openMetrics(f.metrics, b.Collector())
	if err != nil {
		return nil, errors.Join(err, closing())
	}
	fmt.Fprintf(a.stderr, "bank %s, %d accounts opened, data %s, NATS %s, metrics %s\n", f.bank, opened, f.place(), a.connection.shown(), shownMetrics(served))
	return func(ctx context.Context) error { return errors.Join(withHTTP(ctx, served, b.Run), closing()) }, nil
}
