package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/girohq/giro/embedded"
	"github.com/girohq/giro/gateway"
	"github.com/girohq/giro/orchestrator"
	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/races"
	"github.com/girohq/giro/saga"
	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// maxEvents is a terabyte in MiB.
const maxEvents = 1 << 20

// serveFlags are those of serve.
type serveFlags struct {
	data        string
	definitions string
	adopt       bool
	maxOpen     int
	keep        keep
	replicas    int
	events      int64 // MiB
	standby     bool
	http        httpFlags
	clock       tortureClock
}

func newServeCommand(a *app) *cobra.Command {
	f := &serveFlags{}
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the orchestrator against an existing NATS",
		Long: "Serve runs the orchestrator until it is interrupted. It waits for the broker\n" +
			"when that is away, and makes the streams it needs. Streams of another store are\n" +
			"refused. With --http it serves the HTTP API too, also while the broker is away.\n\n" +
			"With --standby any number of processes may be started on one data directory.\n" +
			"One is elected and leads; the others wait, and one takes over some five seconds\n" +
			"after the leader is gone. On one machine each needs an --http address of its\n" +
			"own; one that waits answers 503.\n\n" +
			"With --replicas the streams are kept by so many servers of a cluster. Where\n" +
			"streams with one are there already, it says which must be deleted first.",
		Example: "  giro serve --data /var/lib/giro --http 127.0.0.1:8484\n  giro serve --data /var/lib/giro --standby",
		Args:    arguments(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.serve(cmd.Context(), f)
		},
	}
	addDirFlag(cmd, &f.data)
	cmd.Flags().StringVar(&f.definitions, "definitions", "", "`DIR` of definitions to apply")
	cmd.Flags().BoolVar(&f.adopt, "adopt", false, "take over streams of another store")
	addMaxOpenFlag(cmd.Flags(), &f.maxOpen)
	f.keep.register(cmd.Flags())
	cmd.Flags().IntVar(&f.replicas, "replicas", 0, "`SERVERS` that keep each message; 0: as it is, or 1")
	cmd.Flags().Int64Var(&f.events, "events", orchestrator.DefaultEventBytes>>20, "`MIB` of events kept to be read again")
	addStandbyFlag(cmd, &f.standby)
	f.http.register(cmd.Flags(), "")
	f.clock.register(cmd.Flags())
	return cmd
}

// addMaxOpenFlag adds the bound of open sagas.
func addMaxOpenFlag(flags *pflag.FlagSet, maxOpen *int) {
	flags.IntVar(maxOpen, "max-open", orchestrator.DefaultMaxOpen, "`SAGAS` that may be open at once")
}

func (a *app) serve(ctx context.Context, f *serveFlags) error {
	if f.maxOpen < 1 {
		return usageError("--max-open %d: it must be at least 1", f.maxOpen)
	}
	if f.replicas < 0 || f.replicas > orchestrator.MaxReplicas {
		return usageError("--replicas %d: it must be 1 to %d", f.replicas, orchestrator.MaxReplicas)
	}
	if f.events < 1 || f.events > maxEvents {
		return usageError("--events %d: it must be 1 to %d", f.events, maxEvents)
	}
	http, err := f.http.checked()
	if err != nil {
		return err
	}
	defs, err := readDefinitions(f.definitions)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(f.data, 0o750); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	traces, err := a.openTraces(ctx, "giro")
	if err != nil {
		return err
	}
	defer a.closeTraces(traces)
	counts := &races.Counts{}
	open := func(ctx context.Context) (*orchestration, error) {
		return a.openOrchestrator(ctx, f, defs, orchestrator.Config{Races: counts, Tracer: traces.Provider(), Now: f.clock.source(), Replicas: f.replicas, EventBytes: f.events << 20})
	}
	if f.standby {
		return a.serveStandby(ctx, f, http, counts, open)
	}
	o, err := open(ctx)
	if err != nil {
		return err
	}
	api, err := a.openHTTP(http, o.Orchestrator, counts, false, o.Collector())
	if err != nil {
		return errors.Join(err, o.close())
	}
	a.sayServing(o, f, api)
	return drained(ctx, func(ctx context.Context) error { return withHTTP(ctx, api, o.run) })
}

func (a *app) sayServing(o *orchestration, f *serveFlags, api *gateway.Gateway) {
	fmt.Fprintf(a.stderr, "orchestrator of store %s, data %s, NATS %s, HTTP %s\n", o.db.StoreID(), f.data, a.connection.shown(), shownHTTP(api))
}

// orchestration is an orchestrator with what it needs, which ends with it.
type orchestration struct {
	*orchestrator.Orchestrator
	db   *outbox.DB
	conn *nats.Conn
}

// orchestratorDB opens the database, with the file lock that keeps others from it.
func orchestratorDB(ctx context.Context, data string) (*outbox.DB, error) {
	return outbox.Open(ctx, outbox.Config{Path: filepath.Join(data, embedded.OrchestratorFile), Migrations: orchestrator.Migrations(), Shrinks: true})
}

// openOrchestrator opens all that an orchestrator needs; cfg says by what it is seen.
func (a *app) openOrchestrator(ctx context.Context, f *serveFlags, defs []*saga.Definition, cfg orchestrator.Config) (*orchestration, error) {
	db, err := orchestratorDB(ctx, f.data)
	if err != nil {
		return nil, err
	}
	conn, err := a.connect("giro orchestrator", true)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	o := &orchestration{db: db, conn: conn}
	cfg.DB, cfg.Conn, cfg.Prefix, cfg.Adopt, cfg.MaxOpen, cfg.Keep, cfg.Log = db, conn, a.connection.prefix, f.adopt, f.maxOpen, time.Duration(f.keep), a.log
	o.Orchestrator, err = orchestrator.New(ctx, cfg)
	if err != nil {
		return nil, errors.Join(err, o.close())
	}
	for _, def := range defs {
		if _, err := o.Apply(ctx, def); err != nil {
			return nil, errors.Join(err, o.close())
		}
	}
	return o, nil
}

func (o *orchestration) run(ctx context.Context) error {
	return errors.Join(o.Run(ctx), o.close())
}

func (o *orchestration) close() error {
	o.conn.Close()
	return o.db.Close()
}
