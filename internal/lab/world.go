package lab

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/girohq/giro/embedded"
	"github.com/girohq/giro/internal/pgserver"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	_ "github.com/mattn/go-sqlite3" // the driver "sqlite3"
	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"
)

// WorldConfig says where experiments run. Dir must be set.
type WorldConfig struct {
	Dir string // an existing directory for everything
	// DSN names a Postgres, in which schemas are made and dropped. Empty: a private server from the
	// machine's binaries, or, where there are none, no Postgres.
	DSN    string
	Synced bool // commits are synced to the disk, as a bank's are
	Log    zerolog.Logger
}

// World is what experiments run on: a directory, a broker, and Postgres if there is one.
type World struct {
	cfg      WorldConfig
	broker   *embedded.NATS
	conn     *nats.Conn
	postgres *pgserver.Server // nil: none, or somebody else's
	without  error            // why there is no Postgres
	n        atomic.Int64     // databases made
}

// NewWorld starts the broker, and Postgres where it can be.
func NewWorld(ctx context.Context, cfg WorldConfig) (*World, error) {
	w := &World{cfg: cfg}
	if err := w.open(ctx); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

func (w *World) open(ctx context.Context) (err error) {
	w.broker, err = embedded.StartNATS(embedded.NATSConfig{Dir: filepath.Join(w.cfg.Dir, "nats"), Log: w.cfg.Log})
	if err != nil {
		return err
	}
	if w.conn, err = w.broker.Connect("giro lab"); err != nil {
		return err
	}
	if w.cfg.DSN != "" {
		return w.exec(ctx, "SELECT 1")
	}
	s, err := pgserver.New()
	if err != nil {
		w.without = err
		return nil
	}
	w.postgres, w.cfg.DSN = s, s.DSN()
	return s.Start()
}

// Without says why there is no Postgres; nil if there is one.
func (w *World) Without() error { return w.without }

// Has says whether a database is there.
func (w *World) Has(d Database) bool { return d != Postgres || w.without == nil }

// Conn is a connection to the broker, to be closed by nobody.
func (w *World) Conn() *nats.Conn { return w.conn }

// Connect makes another one.
func (w *World) Connect(name string) (*nats.Conn, error) { return w.broker.Connect(name) }

// Name is one that nobody has been given yet: for buckets, streams and participants.
func (w *World) Name() string { return fmt.Sprintf("LAB%d", w.n.Add(1)) }

// Dir makes a name of a new directory, which the caller makes.
func (w *World) Dir() string { return filepath.Join(w.cfg.Dir, w.Name()) }

// Open makes an empty database with tables, for so many connections at once. Transactions of SQLite
// are immediate: they have the file's only lock from their first statement on. Closing the database
// drops it.
func (w *World) Open(ctx context.Context, on Database, conns int, schema string) (db *DB, err error) {
	switch on {
	case SQLite:
		db, err = w.sqlite(conns)
	case Postgres:
		db, err = w.schema(ctx, conns)
	default:
		err = fmt.Errorf("%s keeps no tables", on)
	}
	if err != nil {
		return nil, err
	}
	if _, err := db.ExecContext(ctx, schema); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if err := db.connect(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// DB is a database of one trial.
type DB struct {
	*sql.DB
	On   Database
	drop func() error
}

// Close closes and drops it.
func (db *DB) Close() error { return errors.Join(db.DB.Close(), db.drop()) }

// connect opens all connections: the first operations must not be measured with them. A process of
// Postgres for each takes longer than many operations.
func (db *DB) connect(ctx context.Context) (err error) {
	conns := make([]*sql.Conn, db.Stats().MaxOpenConnections)
	for i := range conns {
		if conns[i], err = db.Conn(ctx); err != nil {
			break
		}
	}
	for _, c := range conns {
		if c != nil {
			err = errors.Join(err, c.Close())
		}
	}
	return err
}

// InTx runs f in a transaction and rolls back if it fails.
func (db *DB) InTx(ctx context.Context, opts *sql.TxOptions, f func(tx *sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, opts)
	if err != nil {
		return err
	}
	if err := f(tx); err != nil {
		return errors.Join(err, ignoreDone(tx.Rollback()))
	}
	return tx.Commit()
}

func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}

// busyTimeout is how long SQLite waits for its lock, in ms: longer than any experiment, so that
// waiting shows as latency and never as a failure.
const busyTimeout = 600_000

func (w *World) sqlite(conns int) (*DB, error) {
	sync := "OFF"
	if w.cfg.Synced {
		sync = "FULL"
	}
	path := filepath.Join(w.cfg.Dir, w.Name()+".db")
	db, err := sql.Open("sqlite3", fmt.Sprintf("file:%s?_journal_mode=WAL&_synchronous=%s&_busy_timeout=%d&_txlock=immediate", path, sync, busyTimeout))
	if err != nil {
		return nil, err
	}
	return limited(db, conns, SQLite, func() error { return removeAll(path, path+"-wal", path+"-shm") }), nil
}

func (w *World) schema(ctx context.Context, conns int) (*DB, error) {
	if w.without != nil {
		return nil, w.without
	}
	name := strings.ToLower(w.Name())
	if err := w.exec(ctx, "CREATE SCHEMA "+name); err != nil {
		return nil, err
	}
	cfg, err := pgx.ParseConfig(w.cfg.DSN)
	if err != nil {
		return nil, err
	}
	cfg.RuntimeParams["search_path"] = name
	cfg.RuntimeParams["synchronous_commit"] = "off"
	if w.cfg.Synced {
		cfg.RuntimeParams["synchronous_commit"] = "on"
	}
	drop := func() error { return w.exec(context.WithoutCancel(ctx), "DROP SCHEMA "+name+" CASCADE") }
	return limited(stdlib.OpenDB(*cfg), conns, Postgres, drop), nil
}

// maxConns is what the private Postgres allows, with some left for others.
const maxConns = 150

func limited(db *sql.DB, conns int, on Database, drop func() error) *DB {
	conns = min(max(conns, 1), maxConns)
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return &DB{DB: db, On: on, drop: drop}
}

// exec runs one statement on a connection of its own.
func (w *World) exec(ctx context.Context, statement string) error {
	conn, err := pgx.Connect(ctx, w.cfg.DSN)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, statement)
	return errors.Join(err, conn.Close(ctx))
}

// Durability says what a commit costs here.
func (w *World) Durability() string {
	if w.cfg.Synced {
		return "synced: SQLite synchronous=FULL, Postgres synchronous_commit=on, the broker in files"
	}
	return "not synced, but for those of Giro's own participants, which insist: SQLite synchronous=OFF, Postgres synchronous_commit=off, locks in memory; the buckets of oversold-counter are synced files"
}

// Close stops what NewWorld has started.
func (w *World) Close() error {
	var all []error
	if w.conn != nil {
		w.conn.Close()
	}
	if w.broker != nil {
		w.broker.Shutdown()
	}
	if w.postgres != nil {
		all = append(all, w.postgres.Stop())
	}
	return errors.Join(all...)
}

// On are the databases of a technique that this world has.
func (w *World) On(t *Technique) []Database {
	return slices.DeleteFunc(slices.Clone(t.On), func(d Database) bool { return !w.Has(d) })
}

func removeAll(paths ...string) error {
	var all []error
	for _, p := range paths {
		all = append(all, os.RemoveAll(p))
	}
	return errors.Join(all...)
}
