package lab

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/girohq/giro/outbox/postgres"
	"github.com/girohq/giro/participants"
	"github.com/girohq/giro/participants/ledger"
	"github.com/rs/zerolog"
)

// openLedger is a bank's ledger, its accounts opened by the bank, as a station.
func (w *World) openLedger(ctx context.Context, on Database, accounts []ledger.Account) (*station, error) {
	cfg := ledger.Config{Bank: labParticipant, Log: zerolog.Nop()}
	var open func() (participants.Database, error)
	var drop func() error
	switch {
	case on == SQLite:
		cfg.Dir = w.Dir()
		if err := os.Mkdir(cfg.Dir, 0o700); err != nil {
			return nil, err
		}
		drop = func() error { return os.RemoveAll(cfg.Dir) }
		open = func() (participants.Database, error) {
			return participants.Open(ctx, filepath.Join(cfg.Dir, ledger.FileName(cfg.Bank)), ledger.Migrations())
		}
	case w.without != nil:
		return nil, w.without
	default:
		cfg.Postgres = &postgres.Config{DSN: w.cfg.DSN, Schema: strings.ToLower(w.Name()), Migrations: ledger.PostgresMigrations()}
		drop = w.dropper(ctx, cfg.Postgres.Schema)
		open = func() (participants.Database, error) { return participants.OpenPostgres(ctx, *cfg.Postgres) }
	}
	if err := openAccounts(ctx, cfg, accounts); err != nil {
		return nil, errors.Join(err, drop())
	}
	db, err := open()
	if err != nil {
		return nil, errors.Join(err, drop())
	}
	return manned(db, drop, func(p *participants.Participant) { ledger.Register(p, nil) })
}

func openAccounts(ctx context.Context, cfg ledger.Config, accounts []ledger.Account) error {
	bank, err := ledger.Open(ctx, cfg)
	if err != nil {
		return err
	}
	_, err = bank.OpenAccounts(ctx, accounts)
	return errors.Join(err, bank.Close())
}
