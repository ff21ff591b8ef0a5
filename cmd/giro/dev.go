package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/girohq/giro/embedded"
	"github.com/girohq/giro/gateway"
	"github.com/girohq/giro/internal/batch"
	"github.com/girohq/giro/participants/ledger"
	"github.com/girohq/giro/saga"
	"github.com/spf13/cobra"
)

// devFlags are those of dev.
type devFlags struct {
	data        string
	nats        string
	definitions string
	accounts    string
	adopt       bool
	maxOpen     int
	keep        keep
	strategy    strategies
	http        httpFlags
	httpDefault bool // nobody has said where
}

const none = "none" // the value of an address that opens no port

func newDevCommand(a *app) *cobra.Command {
	f := &devFlags{}
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Run everything in one process, to try things with",
		Long: "Dev runs the broker, the orchestrator and the banks in one process until it is\n" +
			"interrupted. Without --accounts there are three banks, A, B and C, with the\n" +
			"accounts 1 to 100 of 1,000.00 EUR each.",
		Example: "  giro dev\n  giro dev --data giro-data --definitions sagas/ --nats 127.0.0.1:4333",
		Args:    arguments(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.httpDefault = !cmd.Flags().Changed("http")
			return a.dev(cmd.Context(), f)
		},
	}
	addDirFlag(cmd, &f.data)
	flags := cmd.Flags()
	flags.StringVar(&f.nats, "nats", "127.0.0.1:4222", "`ADDR` of NATS, or none")
	flags.StringVar(&f.definitions, "definitions", "", "`DIR` of definitions to apply")
	flags.StringVar(&f.accounts, "accounts", "", "CSV `FILE` of the accounts at each bank")
	f.strategy.register(flags)
	addMaxOpenFlag(flags, &f.maxOpen)
	f.keep.register(flags)
	flags.BoolVar(&f.adopt, "adopt", false, "take over streams of another store")
	f.http.register(flags, defaultHTTP)
	return cmd
}

func (a *app) dev(ctx context.Context, f *devFlags) error {
	cfg := embedded.Config{Data: f.data, Listen: f.nats, Prefix: a.connection.prefix, Adopt: f.adopt, MaxOpen: f.maxOpen, Keep: time.Duration(f.keep), Log: a.log}
	if f.maxOpen < 1 {
		return usageError("--max-open %d: it must be at least 1", f.maxOpen)
	}
	if f.nats == none {
		cfg.Listen = ""
	} else if _, _, err := net.SplitHostPort(f.nats); err != nil {
		return usageError("--nats %q: it must be HOST:PORT, or none", f.nats)
	}
	http, err := f.http.checked()
	if err != nil {
		return err
	}
	accounts, err := readAccounts(f.accounts)
	if err != nil {
		return err
	}
	if f.accounts == "" {
		accounts = devAccounts()
	}
	if cfg.Banks, err = ledger.Plan(nil, accounts); err != nil {
		return usageError("%w", err)
	}
	if cfg.Banks, err = batch.WithExisting(f.data, cfg.Banks); err != nil {
		return err
	}
	if err := ledger.Assign(cfg.Banks, f.strategy.chosen); err != nil {
		return usageError("--strategy: %w", err)
	}
	if cfg.Definitions, err = readDefinitions(f.definitions); err != nil {
		return err
	}
	traces, err := a.openTraces(ctx, "giro")
	if err != nil {
		return err
	}
	defer a.closeTraces(traces)
	cfg.Tracer = traces.Provider()
	node, err := openDev(ctx, cfg)
	if err != nil {
		return err
	}
	api, err := a.openHTTP(http, node.Orchestrator(), node.Orchestrator().Races(), f.httpDefault, node.Collectors()...)
	if err != nil {
		return errors.Join(err, node.Close())
	}
	return drained(ctx, func(ctx context.Context) error {
		go a.welcome(ctx, node, api, f)
		return withHTTP(ctx, api, node.Run)
	})
}

func openDev(ctx context.Context, cfg embedded.Config) (*embedded.Node, error) {
	node, err := embedded.New(ctx, cfg)
	switch {
	case errors.Is(err, embedded.ErrExposed):
		return nil, usageError("%w: dev has neither", err)
	case errors.Is(err, embedded.ErrPortTaken):
		return nil, withTry(err, "giro dev --nats 127.0.0.1:4223, or --nats none, or use what runs there")
	}
	return node, err
}

// welcome says how to go on, once everything is up.
func (a *app) welcome(ctx context.Context, node *embedded.Node, api *gateway.Gateway, f *devFlags) {
	if node.Ready(ctx) != nil {
		return // interrupted before
	}
	url := node.URL()
	if url == "" {
		url = "no port (--nats none)"
	}
	fmt.Fprintf(a.stderr, "giro %s is ready\n  NATS  %s\n  HTTP  %s\n  data  %s\n", thisBuild().Version, url, shownHTTP(api), f.data)
	if f.accounts == "" && node.URL() != "" {
		fmt.Fprint(a.stderr, "try\n  giro start transfer --wait --input \\\n"+
			"    '{\"from\":{\"bank\":\"A\",\"account\":\"1\"},\"to\":{\"bank\":\"B\",\"account\":\"2\"},\"amount\":1000,\"currency\":\"EUR\"}'\n")
	}
	fmt.Fprintln(a.stderr, "press Ctrl-C to end")
}

// devAccounts are three banks with a hundred accounts each.
func devAccounts() []ledger.BankAccount {
	const each, opening = 100, 1000_00
	var accounts []ledger.BankAccount
	for _, bank := range []string{"A", "B", "C"} {
		for n := range each {
			accounts = append(accounts, ledger.BankAccount{Bank: bank,
				Account: ledger.Account{Account: strconv.Itoa(n + 1), Currency: "EUR", Balance: opening}})
		}
	}
	return accounts
}

// readDefinitions reads every definition of a directory; all that is wrong is told at once.
func readDefinitions(dir string) ([]*saga.Definition, error) {
	if dir == "" {
		return nil, nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, usageError("definitions: %w", err)
	}
	var defs []*saga.Definition
	var wrong []error
	for _, e := range entries {
		if e.IsDir() || !slices.Contains([]string{".yaml", ".yml", ".json"}, strings.ToLower(filepath.Ext(e.Name()))) {
			continue
		}
		def, err := readDefinition(filepath.Join(dir, e.Name()))
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		defs = append(defs, def)
	}
	if len(wrong) > 0 {
		return nil, usageError("%w", errors.Join(wrong...))
	}
	return defs, nil
}

func readDefinition(name string) (*saga.Definition, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return saga.Parse(name, data)
}
