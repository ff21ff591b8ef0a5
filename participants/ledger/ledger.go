package ledger

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/outbox/postgres"
	"github.com/girohq/giro/participants"
	"github.com/girohq/giro/races"
	"github.com/girohq/giro/saga"
	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/sync/errgroup"
)

//go:embed migrations/*/*.sql
var migrations embed.FS

// Migrations makes the bank's tables in SQLite.
func Migrations() fs.FS { return migrationsOf(outbox.SQLite) }

// PostgresMigrations makes the same tables in Postgres.
func PostgresMigrations() fs.FS { return migrationsOf(outbox.Postgres) }

func migrationsOf(d outbox.Dialect) fs.FS {
	sub, err := fs.Sub(migrations, "migrations/"+string(d))
	if err != nil {
		panic(err) // the embedded folders have these names
	}
	return sub
}

// FileName is the name of a bank's database in the data directory.
func FileName(bank string) string { return "ledger-" + bank + ".db" }

// SchemaName is the name of a bank's schema in a Postgres database that many banks share.
func SchemaName(bank string) string { return "ledger-" + bank }

// Config says which bank runs where. Bank, Conn, and Dir or Postgres must be set.
type Config struct {
	Bank   string     // the participant's name
	Dir    string     // an existing directory for the bank's file
	Conn   *nats.Conn // closed by who opened it
	Prefix string     // of the subjects; empty: the default
	Log    zerolog.Logger
	Now    func() time.Time     // default time.Now
	Tracer trace.TracerProvider // nil: no tracing

	// Postgres keeps the bank there, and not in a file. The migrations are the bank's to set.
	Postgres *postgres.Config
	// Spread says which of the bank's writers applies a command, where there are several: see
	// [participants.Config].
	Spread participants.Spread

	// Strategy is how accounts are changed; Atomic if empty.
	Strategy Strategy
	// Laboratory allows the strategy Unprotected, which loses money.
	Laboratory bool
	// Limit bounds what each account may spend in a window of time; nil: nothing does.
	Limit *Limit
	// Races counts what the bank prevents, its database and its locks included; default: its own.
	Races *races.Counts
}

// check returns the bank's mover, and refuses what cannot hold.
func (c Config) check() (*Mover, error) {
	switch {
	case c.Strategy == Unprotected && !c.Laboratory:
		return nil, fmt.Errorf("%w %q: it loses money, and is for the laboratory", ErrStrategy, c.Strategy)
	case c.Strategy == Locked && c.Conn == nil:
		return nil, fmt.Errorf("%w %q: it needs a Conn, where the locks are", ErrStrategy, c.Strategy)
	case c.Strategy == Ordered && c.Spread != participants.ByKey:
		return nil, fmt.Errorf("%w %q: it needs one writer for each account, and any writer may come", ErrStrategy, c.Strategy)
	}
	if err := c.Limit.check(); err != nil {
		return nil, err
	}
	return NewMover(MoverConfig{Strategy: c.Strategy, Bank: c.Bank, Postgres: c.Postgres != nil, Races: c.Races})
}

func (c Config) openDatabase(ctx context.Context) (participants.Database, error) {
	if c.Postgres == nil {
		return participants.Open(ctx, filepath.Join(c.Dir, FileName(c.Bank)), Migrations())
	}
	pg := *c.Postgres
	pg.Migrations, pg.Races = PostgresMigrations(), c.Races
	return participants.OpenPostgres(ctx, pg)
}

// Bank is one bank: its database and its participant.
type Bank struct {
	name        string
	db          participants.Database
	participant *participants.Participant
	mover       *Mover
	sweeper     sweeper
	now         func() time.Time
}

// Open opens or creates the bank's database and prepares its participant. It answers commands
// once [Bank.Run] is called; accounts are opened before that, or at any time.
func Open(ctx context.Context, cfg Config) (*Bank, error) {
	if err := saga.CheckID("bank", cfg.Bank); err != nil {
		return nil, err
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	cfg.Races = races.Or(cfg.Races)
	mover, err := cfg.check()
	if err != nil {
		return nil, fmt.Errorf("bank %s: %w", cfg.Bank, err)
	}
	db, err := cfg.openDatabase(ctx)
	if err != nil {
		return nil, fmt.Errorf("bank %s: %w", cfg.Bank, err)
	}
	b := &Bank{name: cfg.Bank, db: db, mover: mover, now: cfg.Now, sweeper: sweeper{
		db: db, mover: mover, now: cfg.Now, log: cfg.Log.With().Str("participant", cfg.Bank).Logger()}}
	if err := b.newParticipant(cfg); err != nil {
		return nil, errors.Join(fmt.Errorf("bank %s: %w", cfg.Bank, err), db.Close())
	}
	return b, nil
}

func (b *Bank) newParticipant(cfg Config) (err error) {
	pc := participants.Config{Name: cfg.Bank, DB: b.db, Conn: cfg.Conn, Prefix: cfg.Prefix, Log: cfg.Log, Now: cfg.Now,
		Tracer: cfg.Tracer, Spread: cfg.Spread, Races: cfg.Races}
	a := actions{now: cfg.Now, mover: b.mover, limit: cfg.Limit}
	switch b.mover.cfg.Strategy {
	case Locked:
		l := &locking{bank: cfg.Bank, open: cfg.openLocks,
			find: func(ctx context.Context, c saga.Command) ([]string, error) {
				return recordedAccounts(ctx, b.db.Read(), c)
			}}
		pc.Enter, b.sweeper.hold = l.enter, l.hold
	case Ordered:
		if b.db.Writers() > 1 {
			pc.Lane, a.laned = lane, true
		}
	}
	if b.participant, err = participants.New(pc); err == nil {
		register(b.participant, a)
	}
	return err
}

// Name is the bank's name.
func (b *Bank) Name() string { return b.name }

// Run answers commands and releases overdue holds until ctx ends; see [participants.Participant.Run].
func (b *Bank) Run(ctx context.Context) error {
	parts, ctx := errgroup.WithContext(ctx)
	parts.Go(func() error { return b.participant.Run(ctx) })
	parts.Go(func() error {
		select {
		case <-b.participant.Serving(): // what is overdue in an older copy may have been confirmed
		case <-ctx.Done():
			return nil
		}
		tick := time.NewTicker(sweepEvery)
		defer tick.Stop()
		return b.sweeper.run(ctx, tick.C)
	})
	return parts.Wait()
}

// Overdue lists the open holds that are overdue and must stay until their sagas end, those first
// that have waited longest, at most a thousand. Each is logged once as well.
func (b *Bank) Overdue(ctx context.Context) ([]Hold, error) {
	return overdueHolds(ctx, b.db, saga.ExpiryAlert, b.now(), maxOverdue)
}

// Commits is how many transactions this process has committed at the bank.
func (b *Bank) Commits() int64 { return b.db.Commits() }

// Ready reports whether commands are being read.
func (b *Bank) Ready() bool { return b.participant.Ready() }

// Waiting says why no commands are read although the bank runs; "" if they may be.
func (b *Bank) Waiting() string { return b.participant.Waiting() }

// Close closes the database. Run must have returned.
func (b *Bank) Close() error { return b.db.Close() }
