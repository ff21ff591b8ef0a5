package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/girohq/giro/outbox"
	"github.com/jackc/pgx/v5"
)

// claimFor is how long a claim waits for a process that has just died: its connection may outlive it by
// a moment.
const claimFor = 2 * time.Second

// owner is the connection whose session holds the lock of the schema. The lock keeps a second process
// away with a sentence; what keeps money safe is the table writers, which each transaction meets.
type owner struct {
	conn *pgx.Conn

	guarding context.Context // ends with the database
	stop     context.CancelFunc
	ended    chan struct{} // the guard has ended
}

func newOwner(life context.Context, conn *pgx.Conn) *owner {
	o := &owner{conn: conn, ended: make(chan struct{})}
	o.guarding, o.stop = context.WithCancel(life)
	return o
}

func (o *owner) close() {
	o.stop()
	<-o.ended
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = o.conn.Close(ctx) // the server ends the session either way
}

const (
	lockKey = `hashtextextended('giro ' || current_schema(), 0)`
	// holder finds the session that has the lock: the key's halves are columns of pg_locks.
	holder = `SELECT a.application_name FROM pg_locks l JOIN pg_stat_activity a USING (pid)
		WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
			AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
			AND l.classid::bigint << 32 | l.objid::bigint = ` + lockKey
)

// claim connects and takes the lock of the schema, which is made if it is missing.
func claim(ctx context.Context, cfg *pgx.ConnConfig, schema string) (*pgx.Conn, error) {
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if err = prepare(ctx, conn, schema); err == nil {
		err = lock(ctx, conn)
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close(context.WithoutCancel(ctx)))
	}
	return conn, nil
}

func prepare(ctx context.Context, conn *pgx.Conn, schema string) error {
	if schema != "" {
		if err := makeSchema(ctx, conn, schema); err != nil {
			return err
		}
	}
	var usable bool
	if err := conn.QueryRow(ctx, "SELECT current_schema() IS NOT NULL").Scan(&usable); err != nil {
		return err
	}
	if !usable {
		return fmt.Errorf("%w: the search_path leads to no schema of which it has USAGE", ErrPermission)
	}
	return verify(ctx, conn)
}

// makeSchema makes the schema where it is missing. CREATE SCHEMA IF NOT EXISTS alone would ask for the
// permission to make one also where there is one.
func makeSchema(ctx context.Context, conn *pgx.Conn, schema string) error {
	var there bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = $1)", schema).Scan(&there); err != nil || there {
		return err
	}
	name := pgx.Identifier{schema}.Sanitize()
	_, err := conn.Exec(ctx, "CREATE SCHEMA IF NOT EXISTS "+name)
	if codeOf(err) == insufficientPrivilege {
		owner := pgx.Identifier{conn.Config().User}.Sanitize()
		return fmt.Errorf("%w; let who may run: CREATE SCHEMA %s AUTHORIZATION %s", err, name, owner)
	}
	return err
}

func lock(ctx context.Context, conn *pgx.Conn) error {
	wait, cancel := context.WithTimeout(ctx, claimFor)
	defer cancel()
	for tries := 0; ; tries++ {
		var got bool
		if err := conn.QueryRow(ctx, "SELECT pg_try_advisory_lock("+lockKey+")").Scan(&got); err != nil {
			return fmt.Errorf("lock: %w", err)
		}
		if got {
			return nil
		}
		if !pause(wait, tries) {
			return fmt.Errorf("%w: it is held by %s", outbox.ErrLocked, heldBy(ctx, conn))
		}
	}
}

// heldBy names who has the lock.
func heldBy(ctx context.Context, conn *pgx.Conn) string {
	var name string
	if err := conn.QueryRow(ctx, holder).Scan(&name); err != nil || name == "" {
		return "another process"
	}
	return "process " + name
}

// guard keeps the lock: when its connection ends, the lock is taken again on another one. A process that
// finds it with somebody else is the owner no more.
func (db *DB) guard() {
	defer close(db.owner.ended)
	for {
		for {
			if _, err := db.owner.conn.WaitForNotification(db.owner.guarding); err != nil {
				break // nothing is listened for: the connection has ended, or the database is closed
			}
		}
		if !db.reclaim() {
			return
		}
	}
}

// reclaim takes the lock again, as soon as the server is there. False: there is no more to guard.
func (db *DB) reclaim() bool {
	for tries := 0; pause(db.owner.guarding, tries); tries++ {
		conn, err := claim(db.owner.guarding, db.sessions.write, "")
		if err != nil && !errors.Is(err, outbox.ErrLocked) {
			continue
		}
		if conn != nil {
			db.owner.conn = conn
		}
		if db.succeeded() {
			_ = db.fail(errSucceeded)
			return false
		}
		if conn != nil {
			return true
		}
	}
	return false
}

// succeeded says that a later owner has counted its boot. Until then the lock may be with the remains of
// this process's own connection.
func (db *DB) succeeded() bool {
	var boot int64
	err := db.reader.GetContext(db.owner.guarding, &boot, `SELECT CAST(value AS BIGINT) FROM meta WHERE key = 'boot'`)
	return err == nil && boot != db.boot
}
