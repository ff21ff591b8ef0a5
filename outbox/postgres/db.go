package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/girohq/giro/outbox"
	"github.com/jackc/pgx/v5"
	"github.com/jmoiron/sqlx"
)

// DB is one schema of a Postgres database, owned by this process.
type DB struct {
	cfg      Config
	sessions sessions
	storeID  string
	boot     int64
	last     int64 // number of a commit that it was opened with: the highest
	complete int64 // and one up to which none can be missing

	life   context.Context // ends when the database is closed
	end    context.CancelFunc
	owner  *owner
	reader *sqlx.DB
	pool   *sqlx.DB // of the writing connections
	// writers are the free ones: who takes one may use it, and puts it back.
	writers chan *writer

	puts      atomic.Int64 // outbox rows put by this process
	commits   atomic.Int64
	conflicts conflicts
	unusable  atomic.Pointer[error] // set once, then returned for ever
}

var _ outbox.Database = (*DB)(nil)

// errSucceeded: the schema has a later owner.
var errSucceeded = errors.New("another process has taken the database over")

// Open takes the schema for this process, brings its tables up to date, checks that the durable settings
// are in force and counts a boot. A second owner gets [outbox.ErrLocked], a database of a newer program
// [outbox.ErrNewer], settings that are not in force [outbox.ErrPragma].
func Open(ctx context.Context, cfg Config) (*DB, error) {
	cfg, s, err := cfg.check()
	if err != nil {
		return nil, err
	}
	db := &DB{cfg: cfg, sessions: s, writers: make(chan *writer, cfg.Writers), conflicts: conflicts{races: cfg.Races}}
	db.life, db.end = context.WithCancel(context.Background())
	if err := db.open(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("outbox/postgres: open %s: %w", db.Name(), reason(err)), db.Close())
	}
	return db, nil
}

func (db *DB) open(ctx context.Context) error {
	conn, err := claim(ctx, db.sessions.write, db.cfg.Schema)
	if err != nil {
		return err
	}
	db.owner = newOwner(db.life, conn)
	if err := errors.Join(migrate(ctx, conn, db.cfg.Migrations), db.countBoot(ctx, conn)); err != nil {
		close(db.owner.ended)
		return err
	}
	go db.guard()
	db.pool = open(newConnector(db.sessions.write, true, verifyOrClose), db.cfg.Writers)
	db.reader = open(newConnector(db.sessions.read, false, func(context.Context, *pgx.Conn) error { return nil }), db.cfg.Readers)
	for n := range db.cfg.Writers {
		db.writers <- &writer{n: n + 1, pool: db.pool}
	}
	return nil
}

func open(c connector, bound int) *sqlx.DB {
	pool := sqlx.NewDb(sql.OpenDB(c), "pgx")
	pool.SetMaxOpenConns(bound)
	pool.SetMaxIdleConns(bound)
	return pool
}

// Name says which database this is, for people.
func (db *DB) Name() string {
	c := db.sessions.write
	return fmt.Sprintf("%s at %s:%d, search_path %q", c.Database, c.Host, c.Port, c.RuntimeParams["search_path"])
}

// StoreID implements [outbox.Database].
func (db *DB) StoreID() string { return db.storeID }

// Boot implements [outbox.Database].
func (db *DB) Boot() int64 { return db.boot }

// Opened says with which transactions the database was opened: the highest number, and one up to which each that
// was committed is there. What others that were under way had written between the two need not be in a copy.
func (db *DB) Opened() (last, complete int64) { return db.last, db.complete }

// Dialect implements [outbox.Database].
func (db *DB) Dialect() outbox.Dialect { return outbox.Postgres }

// Writers implements [outbox.Database].
func (db *DB) Writers() int { return db.cfg.Writers }

// Commits implements [outbox.Database].
func (db *DB) Commits() int64 { return db.commits.Load() }

// Conflicts says how often transactions met others.
func (db *DB) Conflicts() Conflicts { return db.conflicts.snapshot() }

// Read implements [outbox.Database]. It takes "?" for arguments.
func (db *DB) Read() *sqlx.DB { return db.reader }

// Unusable is why the database cannot be used any more, nil while it can.
func (db *DB) Unusable() error {
	if err := db.unusable.Load(); err != nil {
		return *err
	}
	return nil
}

// fail makes the database unusable and returns why it is.
func (db *DB) fail(cause error) error {
	err := fmt.Errorf("%w: %w", outbox.ErrUnusable, cause)
	db.unusable.CompareAndSwap(nil, &err)
	return db.Unusable()
}

// Close implements [outbox.Database].
func (db *DB) Close() error {
	closed := outbox.ErrClosed
	db.unusable.CompareAndSwap(nil, &closed)
	if db.life.Err() != nil {
		return nil
	}
	db.end()
	if db.pool != nil {
		for range db.cfg.Writers {
			(<-db.writers).drop()
		}
	}
	var errs []error
	for _, pool := range []*sqlx.DB{db.pool, db.reader} {
		if pool != nil {
			errs = append(errs, pool.Close())
		}
	}
	if db.owner != nil {
		db.owner.close()
	}
	return errors.Join(errs...)
}
