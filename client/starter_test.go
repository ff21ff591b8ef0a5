package client_test

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/girohq/giro/client"
	"github.com/girohq/giro/saga"
	"github.com/nats-io/nats.go"
)

// reconnecting is a connection that outlives its broker, and need not find one.
func reconnecting(t *testing.T, url string) *nats.Conn {
	t.Helper()
	conn, err := connectForever(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return conn
}

func connectForever(url string) (*nats.Conn, error) {
	return nats.Connect(url, nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1),
		nats.ReconnectWait(50*time.Millisecond), nats.ReconnectBufSize(-1))
}

// restart runs a node on the same data and port again, with what is left of the broker's store.
func restart(t *testing.T, dir, url string, wipe bool) (stop func()) {
	t.Helper()
	if wipe {
		if err := os.RemoveAll(filepath.Join(dir, "nats")); err != nil {
			t.Fatal(err)
		}
	}
	_, stop = startNodeOn(t, dir, strings.TrimPrefix(url, "nats://"))
	return stop
}

// Starts that commit while the broker is up, dying, away or without its store all become sagas, each one.
func TestStartsOutliveTheBroker(t *testing.T) {
	dir, db := t.TempDir(), newShop(t)
	n, stop := startNodeOn(t, dir, "127.0.0.1:0")
	url := n.URL()
	conn := reconnecting(t, url)
	c, placed := clientOf(t, conn), 0
	place := func() {
		for range 40 {
			inTx(t, db, func(tx *sql.Tx) error {
				placed++
				return placeOrder(t.Context(), tx, fmt.Sprint("B-", placed), "transfer", pays(1))
			})
		}
	}
	s, _ := runStarter(t, client.StarterConfig{Client: c, DB: db})
	for round := range 3 {
		place()
		s.Wake()
		stop()
		place()
		stop = restart(t, dir, url, round > 0)
		place()
	}
	becomes(t, db, 0, waiting)
	for i := range placed {
		if doc, err := c.Wait(within(t), fmt.Sprint("B-", i+1)); err != nil || doc.State != saga.Completed {
			t.Errorf("%+v, %v", doc, err)
		}
	}
	checkOneEach(t, c, db)
}

// checkOneEach wants a saga for each order and no other.
func checkOneEach(t *testing.T, c *client.Client, db *sql.DB) {
	t.Helper()
	ordered := map[string]bool{}
	rows, err := db.Query(`SELECT id FROM orders`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			t.Fatal(err)
		}
		ordered[id] = true
	}
	for cursor, more := "", true; more; more = cursor != "" {
		page, err := c.List(within(t), client.ListRequest{Limit: 1000, Cursor: cursor})
		if err != nil {
			t.Fatal(err)
		}
		for _, doc := range page.Items {
			if !ordered[doc.ID] {
				t.Errorf("saga %s has no order", doc.ID)
			}
			delete(ordered, doc.ID)
		}
		cursor = page.Next
	}
	if len(ordered) > 0 || rows.Err() != nil {
		t.Errorf("%d orders without a saga, %v: %v", len(ordered), rows.Err(), ordered)
	}
}

// An orchestrator that is away for long is asked ever more seldom; its first word to anyone brings the
// others at once.
func TestStartsBackOff(t *testing.T) {
	conn, db, ctx := startBroker(t), newShop(t), within(t)
	tried := make(chan time.Time, 64)
	var mu sync.Mutex
	back := false
	standIn(t, conn, "saga.api.v1.start.>", func(m *nats.Msg) string {
		mu.Lock()
		defer mu.Unlock()
		if !back {
			tried <- time.Now()
			return unavailable
		}
		return fmt.Sprintf(`{"id":%q}`, m.Header.Get("Saga-Id"))
	})
	s, _ := runStarter(t, client.StarterConfig{Client: clientOf(t, conn), DB: db})
	place := func(id string) {
		inTx(t, db, func(tx *sql.Tx) error { return placeOrder(ctx, tx, id, "transfer", pays(1)) })
		s.Wake()
	}
	place("W-1")
	var pauses []time.Duration
	for before := <-tried; len(pauses) < 3; {
		at := <-tried
		pauses, before = append(pauses, at.Sub(before)), at
	}
	for i, least := range []time.Duration{700, 1400, 2800} {
		if pauses[i] < least*time.Millisecond {
			t.Errorf("pauses: %v", pauses)
		}
	}
	mu.Lock()
	back = true
	mu.Unlock()
	place("W-2") // the first is due in six seconds at the earliest
	began := time.Now()
	becomes(t, db, 0, waiting)
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("the first start waited %v more", took)
	}
}

// A start that is turned away waits for as long as it is told, also when another is accepted meanwhile.
func TestStartsWaitAsTold(t *testing.T) {
	conn, db, ctx := startBroker(t), newShop(t), within(t)
	tried := make(chan time.Time, 64)
	standIn(t, conn, "saga.api.v1.start.>", func(m *nats.Msg) string {
		id := m.Header.Get("Saga-Id")
		if id == "W-busy" {
			tried <- time.Now()
			return `{"code":"unavailable","status":503,"title":"busy","retry_after":4}`
		}
		return fmt.Sprintf(`{"id":%q}`, id)
	})
	s, _ := runStarter(t, client.StarterConfig{Client: clientOf(t, conn), DB: db})
	place := func(id string) {
		inTx(t, db, func(tx *sql.Tx) error { return placeOrder(ctx, tx, id, "transfer", pays(1)) })
		s.Wake()
	}
	place("W-busy")
	first := <-tried
	place("W-free")
	becomes(t, db, 1, waiting)
	if pause := (<-tried).Sub(first); pause < 3900*time.Millisecond {
		t.Errorf("it was told to wait 4 s, and came back after %v", pause)
	}
}

// What the killed process had committed becomes sagas, what it had not does not, whenever it dies.
func TestStartsOutliveTheirProcess(t *testing.T) {
	n, _ := startNodeOn(t, t.TempDir(), "127.0.0.1:0")
	path := filepath.Join(t.TempDir(), "shop.db")
	openShop(t, path)
	committed := map[string]bool{}
	for round := range 4 {
		cmd := exec.CommandContext(within(t), os.Args[0])
		cmd.Env = append(os.Environ(), callerPath+"="+path, callerURL+"="+n.URL(), callerRound+"="+fmt.Sprint(round))
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		seen := 0
		for lines := bufio.NewScanner(out); lines.Scan(); { // what it still wrote into the pipe counts too
			committed[lines.Text()] = true
			if seen++; seen == 60 {
				_ = cmd.Process.Kill()
			}
		}
		if err := cmd.Wait(); err == nil || seen < 60 {
			t.Fatalf("the caller ended by itself after %d orders: %v", seen, err)
		}
	}
	db, c := openShop(t, path), clientOf(t, connect(t, n))
	for id := range committed {
		var one int
		if err := db.QueryRow(`SELECT 1 FROM orders WHERE id = ?`, id).Scan(&one); err != nil {
			t.Errorf("order %s: %v", id, err)
		}
	}
	runStarter(t, client.StarterConfig{Client: c, DB: db})
	becomes(t, db, 0, waiting)
	checkOneEach(t, c, db)
}

// The environment that makes this binary a caller to be killed.
const (
	callerPath  = "GIRO_TEST_CALLER"
	callerURL   = "GIRO_TEST_CALLER_URL"
	callerRound = "GIRO_TEST_CALLER_ROUND"
)

// callForEver places orders and says so after each commit. Every third transaction is rolled back.
func callForEver(path string) error {
	ctx := context.Background()
	conn, err := connectForever(os.Getenv(callerURL))
	if err != nil {
		return err
	}
	c, err := client.New(conn)
	if err != nil {
		return err
	}
	db, err := sql.Open("sqlite3", "file:"+path+durable)
	if err != nil {
		return err
	}
	s, err := client.NewStarter(client.StarterConfig{Client: c, DB: db})
	if err != nil {
		return err
	}
	failed := make(chan error, 1)
	go func() { failed <- s.Run(ctx) }()
	for i := 0; ; i++ {
		id := fmt.Sprintf("K-%s-%d", os.Getenv(callerRound), i)
		tx, err := db.Begin()
		if err != nil {
			return err
		}
		if err := placeOrder(ctx, tx, id, "transfer", pays(1)); err != nil {
			return err
		}
		if i%3 == 0 {
			err = tx.Rollback()
		} else if err = tx.Commit(); err == nil {
			fmt.Println(id)
		}
		s.Wake()
		select {
		case ended := <-failed:
			return errors.Join(err, ended)
		default:
		}
		if err != nil {
			return err
		}
	}
}

// Two processes may send from one database: each start is one saga, each refusal is told once; and a row
// that cannot be read holds up no other.
func TestTwoStarters(t *testing.T) {
	n, _ := startNodeOn(t, t.TempDir(), "")
	path := filepath.Join(t.TempDir(), "shop.db")
	db, c := openShop(t, path), clientOf(t, connect(t, n))
	inTx(t, db, func(tx *sql.Tx) error {
		errs := []error{placeOrder(t.Context(), tx, "spoilt", "transfer", pays(1))}
		_, err := tx.Exec(`UPDATE giro_starts SET header = 'x'; DELETE FROM orders`)
		for i := range 30 {
			errs = append(errs,
				placeOrder(t.Context(), tx, fmt.Sprint("good-", i), "transfer", pays(1)),
				placeOrder(t.Context(), tx, fmt.Sprint("bad-", i), "unheard-of", pays(1)))
		}
		return errors.Join(append(errs, err)...)
	})
	for range 2 {
		runStarter(t, client.StarterConfig{Client: c, DB: openShop(t, path), Refused: func(ctx context.Context, tx client.Tx, r client.Refusal) (client.Verdict, error) {
			_, err := tx.ExecContext(ctx, `UPDATE orders SET note = note || 'told.' WHERE id = ?`, r.ID)
			return client.Park, err // the row stays, and must not be told again
		}})
	}
	becomes(t, db, 30, parked)
	becomes(t, db, 1, waiting)
	becomes(t, db, 30, `SELECT count(*) FROM orders WHERE note = 'told.'`)
	becomes(t, db, 30, `SELECT count(*) FROM orders WHERE note = ''`)
	inTx(t, db, func(tx *sql.Tx) error { _, err := tx.Exec(`DELETE FROM orders WHERE note <> ''`); return err })
	checkOneEach(t, c, db)
}
