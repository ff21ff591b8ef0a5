package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/girohq/giro/embedded"
	"github.com/girohq/giro/gateway"
	"github.com/girohq/giro/internal/standby"
	"github.com/girohq/giro/participants"
	"github.com/girohq/giro/participants/ledger"
	"github.com/girohq/giro/races"
	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"
)

func addStandbyFlag(cmd *cobra.Command, on *bool) {
	cmd.Flags().BoolVar(on, "standby", false, "wait until elected, if another leads")
}

// serveStandby serves the HTTP API all the time, and the orchestrator when it leads.
func (a *app) serveStandby(ctx context.Context, f *serveFlags, http *gateway.Config, counts *races.Counts,
	open func(context.Context) (*orchestration, error)) error {
	candidate, conn, err := a.candidate(standby.Config{
		Of: "orchestrator", Path: filepath.Join(f.data, embedded.OrchestratorFile),
		Create: func(ctx context.Context) error {
			db, err := orchestratorDB(ctx, f.data)
			if err != nil {
				return err
			}
			return db.Close()
		},
	})
	if err != nil {
		return err
	}
	defer conn.Close()
	d := &desk{candidate: candidate}
	api, err := a.openHTTP(http, d, counts, false, d)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.stderr, "candidate for the orchestrator, data %s, NATS %s, HTTP %s\n", f.data, a.connection.shown(), shownHTTP(api))
	return drained(ctx, func(ctx context.Context) error {
		return withHTTP(ctx, api, func(ctx context.Context) error {
			return candidate.Run(ctx, func(ctx context.Context) (func(context.Context) error, error) {
				o, err := open(ctx)
				if err != nil {
					return nil, err
				}
				a.sayServing(o, f, api)
				return d.attended(o), nil
			})
		})
	})
}

// ledgerStandby runs a bank when it leads.
func (a *app) ledgerStandby(ctx context.Context, f *ledgerFlags, open standby.Open) error {
	candidate, conn, err := a.candidate(standby.Config{
		Of: "bank " + f.bank, Path: filepath.Join(f.data, ledger.FileName(f.bank)),
		Create: func(ctx context.Context) error {
			db, err := participants.Open(ctx, filepath.Join(f.data, ledger.FileName(f.bank)), ledger.Migrations())
			if err != nil {
				return err
			}
			return db.Close()
		},
	})
	if err != nil {
		return err
	}
	defer conn.Close()
	fmt.Fprintf(a.stderr, "candidate for bank %s, data %s, NATS %s\n", f.bank, f.data, a.connection.shown())
	return drained(ctx, func(ctx context.Context) error { return candidate.Run(ctx, open) })
}

// candidate makes one, with a connection of its own: the leader's ends with what is led.
func (a *app) candidate(cfg standby.Config) (*standby.Candidate, *nats.Conn, error) {
	conn, err := a.connect("giro standby of "+cfg.Of, true)
	if err != nil {
		return nil, nil, err
	}
	cfg.Conn, cfg.Prefix, cfg.Log = conn, a.connection.prefix, a.log
	c, err := standby.New(cfg)
	if err != nil {
		conn.Close()
		return nil, nil, errors.Join(fmt.Errorf("standby of %s", cfg.Of), err)
	}
	return c, conn, nil
}
