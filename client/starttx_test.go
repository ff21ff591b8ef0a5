package client_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/girohq/giro/client"
	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/saga"
	"github.com/jmoiron/sqlx"
	"github.com/nats-io/nats.go"
)

// durable are the settings a caller's database needs.
const durable = "?_journal_mode=WAL&_synchronous=FULL&_txlock=immediate&_busy_timeout=5000"

// openShop opens a caller's database: one table of its own, and ours.
func openShop(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+path+durable)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	inTx(t, db, func(tx *sql.Tx) error {
		_, err := tx.Exec(`CREATE TABLE IF NOT EXISTS orders (id TEXT PRIMARY KEY, note TEXT NOT NULL DEFAULT '') STRICT`)
		return errors.Join(err, client.Migrate(t.Context(), tx))
	})
	return db
}

func newShop(t *testing.T) *sql.DB { return openShop(t, filepath.Join(t.TempDir(), "shop.db")) }

func inTx(t *testing.T, db *sql.DB, fn func(*sql.Tx) error) {
	t.Helper()
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if err := fn(tx); err != nil {
		t.Fatal(errors.Join(err, tx.Rollback()))
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
}

// placeOrder writes an order and its start.
func placeOrder(ctx context.Context, tx client.Tx, id, sagaType string, input any, opts ...client.StartOption) error {
	if _, err := tx.ExecContext(ctx, `INSERT OR IGNORE INTO orders (id) VALUES (?)`, id); err != nil {
		return err
	}
	_, err := client.StartTx(ctx, tx, sagaType, id, input, opts...)
	return err
}

// runStarter runs a starter until stop is called or the test ends.
func runStarter(t *testing.T, cfg client.StarterConfig) (s *client.Starter, stop func()) {
	t.Helper()
	s, err := client.NewStarter(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error("starter:", err)
		}
	})
	t.Cleanup(stop)
	return s, stop
}

// becomes waits until a query of one number gives that number.
func becomes(t *testing.T, db *sql.DB, want int, query string) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	ctx := within(t)
	for got := -1; got != want; {
		if err := db.QueryRowContext(ctx, query).Scan(&got); err != nil {
			t.Fatalf("%s: got %d, want %d: %v", query, got, want, err)
		}
		<-tick.C
	}
}

const (
	waiting = `SELECT count(*) FROM giro_starts WHERE refused IS NULL`
	parked  = `SELECT count(*) FROM giro_starts WHERE refused IS NOT NULL`
)

// The caller's data and the start commit together or vanish together, whatever the database was opened
// with, and the row goes when the saga is accepted.
func TestStartTx(t *testing.T) {
	n, _ := startNodeOn(t, t.TempDir(), "")
	c := clientOf(t, connect(t, n))
	box, err := outbox.Open(t.Context(), outbox.Config{Path: filepath.Join(t.TempDir(), "box.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = box.Close() })
	plain := newShop(t)
	onSQL := func(db *sql.DB) func(context.Context, func(client.Tx) error) error {
		return func(ctx context.Context, fn func(client.Tx) error) error {
			tx, err := sqlx.NewDb(db, "sqlite3").BeginTxx(ctx, nil)
			if err != nil {
				return err
			}
			if err := fn(tx); err != nil {
				return errors.Join(err, tx.Rollback())
			}
			return tx.Commit()
		}
	}
	onBox := func(ctx context.Context, fn func(client.Tx) error) error {
		return box.Write(ctx, func(tx outbox.Tx) error { return fn(tx) })
	}
	if err := onBox(t.Context(), func(tx client.Tx) error {
		_, err := tx.ExecContext(t.Context(), `CREATE TABLE orders (id TEXT PRIMARY KEY) STRICT`)
		return errors.Join(err, client.Migrate(t.Context(), tx))
	}); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []struct {
		name  string
		cfg   client.StarterConfig
		read  *sql.DB
		write func(context.Context, func(client.Tx) error) error
	}{
		{"sql", client.StarterConfig{DB: plain}, plain, onSQL(plain)},
		{"outbox", client.StarterConfig{Outbox: box}, box.Read().DB, onBox},
	} {
		t.Run(kind.name, func(t *testing.T) {
			kind.cfg.Client = c
			runStarter(t, kind.cfg)
			ctx, vanish := within(t), errors.New("vanish")
			gone, kept := kind.name+"-gone", kind.name+"-kept"
			err := kind.write(ctx, func(tx client.Tx) error {
				return errors.Join(placeOrder(ctx, tx, gone, "transfer", pays(1)), vanish)
			})
			if !errors.Is(err, vanish) {
				t.Fatal(err)
			}
			if err := kind.write(ctx, func(tx client.Tx) error { return placeOrder(ctx, tx, kept, "transfer", pays(1)) }); err != nil {
				t.Fatal(err)
			}
			if doc := appears(t, c, kept); doc.State != saga.Completed {
				t.Errorf("%+v", doc)
			}
			becomes(t, kind.read, 0, `SELECT count(*) FROM giro_starts`)
			becomes(t, kind.read, 1, `SELECT count(*) FROM orders`)
			_, err = c.Get(ctx, gone)
			wantProblem(t, err, client.CodeNotFound, "")
		})
	}
}

// Same id twice is one saga: in one table, over time, and through another door. Other input is told at
// once where that can be known, and by the orchestrator's refusal otherwise.
func TestStartTxTwice(t *testing.T) {
	n, _ := startNodeOn(t, t.TempDir(), "")
	c, db, ctx := clientOf(t, connect(t, n)), newShop(t), within(t)
	inTx(t, db, func(tx *sql.Tx) error {
		return errors.Join(
			placeOrder(ctx, tx, "T-1", "transfer", json.RawMessage(`{"from":{"bank":"A","account":"1"},"to":{"bank":"B","account":"1"},"amount":5,"currency":"EUR"}`)),
			placeOrder(ctx, tx, "T-1", "transfer", json.RawMessage(`{"amount":5, "currency":"EUR","to":{"account":"1","bank":"B"},"from":{"bank":"A","account":"1"}}`)))
	})
	becomes(t, db, 1, waiting)
	inTx(t, db, func(tx *sql.Tx) error {
		_, err := client.StartTx(ctx, tx, "transfer", "T-1", pays(6))
		wantProblem(t, err, client.CodeConflict, "other")
		_, err = client.StartTx(ctx, tx, "lonely", "T-1", pays(5))
		wantProblem(t, err, client.CodeConflict, "other")
		return nil
	})
	runStarter(t, client.StarterConfig{Client: c, DB: db})
	first := appears(t, c, "T-1")
	becomes(t, db, 0, waiting)
	inTx(t, db, func(tx *sql.Tx) error { return placeOrder(ctx, tx, "T-1", "transfer", pays(5)) })
	becomes(t, db, 0, `SELECT count(*) FROM giro_starts`)
	if again := appears(t, c, "T-1"); again.Created != first.Created {
		t.Errorf("%+v", again)
	}
	inTx(t, db, func(tx *sql.Tx) error { return placeOrder(ctx, tx, "T-1", "transfer", pays(6)) })
	becomes(t, db, 1, parked)
}

func TestStartTxChecks(t *testing.T) {
	db, ctx := newShop(t), within(t)
	inTx(t, db, func(tx *sql.Tx) error {
		for _, bad := range []struct{ sagaType, id, input string }{
			{"a.b", "T-1", `{}`}, {"transfer", "T 1", `{}`}, {"transfer", "T-1", `[]`}, {"transfer", "T-1", `{"a":1,"a":2}`},
		} {
			_, err := client.StartTx(ctx, tx, bad.sagaType, bad.id, []byte(bad.input))
			wantProblem(t, err, client.CodeInvalid, "")
		}
		made, err := client.StartTx(ctx, tx, "transfer", "", pays(1))
		if len(made) != 36 {
			t.Errorf("made id %q", made)
		}
		return err
	})
	becomes(t, db, 1, waiting)
	over, cancel := context.WithCancel(ctx)
	cancel()
	inTx(t, db, func(tx *sql.Tx) error {
		if _, err := client.StartTx(over, tx, "transfer", "", pays(1)); !errors.Is(err, context.Canceled) {
			t.Errorf("error is %v", err)
		}
		return nil
	})
}

// A commit that a power cut can take back must not have started a saga.
func TestStartTxWantsSyncedCommits(t *testing.T) {
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(t.TempDir(), "weak.db")+"?_journal_mode=WAL")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	inTx(t, db, func(tx *sql.Tx) error {
		err := client.Migrate(t.Context(), tx)
		if _, weak := client.StartTx(t.Context(), tx, "transfer", "", pays(1)); !errors.Is(weak, client.ErrNotDurable) {
			t.Errorf("error is %v", weak)
		}
		return err
	})
	s, err := client.NewStarter(client.StarterConfig{Client: clientOf(t, startBroker(t)), DB: db})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Run(within(t)); !errors.Is(err, client.ErrNotDurable) {
		t.Errorf("run: %v", err)
	}
}

// Starts of one lane are accepted in the order of their commits, although the first must be repeated;
// other lanes do not wait for it.
func TestStartTxKeepsLanes(t *testing.T) {
	conn, db, ctx := startBroker(t), newShop(t), within(t)
	var mu sync.Mutex
	var accepted []string
	tries := map[string]int{}
	standIn(t, conn, "saga.api.v1.start.>", func(m *nats.Msg) string {
		mu.Lock()
		defer mu.Unlock()
		id := m.Header.Get("Saga-Id")
		if tries[id]++; id == "a-0" && tries[id] == 1 {
			return unavailable
		}
		accepted = append(accepted, id)
		return fmt.Sprintf(`{"id":%q}`, id)
	})
	for i := range 20 {
		inTx(t, db, func(tx *sql.Tx) error {
			return errors.Join(
				placeOrder(ctx, tx, fmt.Sprint("a-", i), "transfer", pays(1), client.WithLane("a")),
				placeOrder(ctx, tx, fmt.Sprint("b-", i), "transfer", pays(1), client.WithLane("b")))
		})
	}
	runStarter(t, client.StarterConfig{Client: clientOf(t, conn), DB: db})
	becomes(t, db, 0, waiting)
	mu.Lock()
	defer mu.Unlock()
	lane := func(name byte) (ids []string) {
		for _, id := range accepted {
			if id[0] == name {
				ids = append(ids, id)
			}
		}
		return ids
	}
	for _, name := range []byte("ab") {
		var want []string
		for i := range 20 {
			want = append(want, fmt.Sprintf("%c-%d", name, i))
		}
		if got := lane(name); !slices.Equal(got, want) {
			t.Errorf("lane %c: %v", name, got)
		}
	}
	if at := slices.Index(accepted, "a-0"); at < 20 {
		t.Errorf("lane b waited for lane a: %v", accepted)
	}
}

// However many wait, a window of them is out.
func TestStarterIsBounded(t *testing.T) {
	conn, db, ctx := startBroker(t), newShop(t), within(t)
	sub, err := conn.SubscribeSync("saga.api.v1.start.>")
	if err != nil {
		t.Fatal(err)
	}
	inTx(t, db, func(tx *sql.Tx) error {
		for range 300 {
			if _, err := client.StartTx(ctx, tx, "transfer", "", pays(1)); err != nil {
				return err
			}
		}
		return nil
	})
	runStarter(t, client.StarterConfig{Client: clientOf(t, conn), DB: db})
	for range 256 {
		if _, err := sub.NextMsgWithContext(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if m, err := sub.NextMsg(time.Second); err == nil {
		t.Errorf("one more is out: %s", m.Header.Get("Saga-Id"))
	}
}
