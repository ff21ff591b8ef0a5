package coordination_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	_ "github.com/mattn/go-sqlite3"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/girohq/giro/coordination"
	"github.com/girohq/giro/embedded"
)

// broker starts a server in this process; the caller stops it.
func broker() (jetstream.JetStream, func()) {
	dir, err := os.MkdirTemp("", "coordination")
	if err != nil {
		log.Fatal(err)
	}
	server, err := embedded.StartNATS(embedded.NATSConfig{Dir: dir})
	if err != nil {
		log.Fatal(err)
	}
	nc, err := server.Connect("example")
	if err != nil {
		log.Fatal(err)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		log.Fatal(err)
	}
	return js, func() {
		nc.Close()
		server.Shutdown()
		_ = os.RemoveAll(dir)
	}
}

// shelf is a database with something that a lock protects, and the table of Guard.
func shelf() (*sql.DB, func()) {
	dir, err := os.MkdirTemp("", "shelf")
	if err != nil {
		log.Fatal(err)
	}
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(dir, "shelf.db")+"?_txlock=immediate")
	if err != nil {
		log.Fatal(err)
	}
	if _, err := db.Exec(coordination.Schema + `; CREATE TABLE labels (text TEXT); INSERT INTO labels VALUES ('')`); err != nil {
		log.Fatal(err)
	}
	return db, func() {
		_ = db.Close()
		_ = os.RemoveAll(dir)
	}
}

// label writes under a token, in one transaction with the check.
func label(ctx context.Context, db *sql.DB, token coordination.Token, text string) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := coordination.Guard(ctx, tx, token); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `UPDATE labels SET text = ?`, text); err != nil {
		return err
	}
	return tx.Commit()
}

// The first holder is late: the lock is another's when it writes. The resource refuses.
func ExampleGuard() {
	ctx := context.Background()
	js, stop := broker()
	defer stop()
	db, closeDB := shelf()
	defer closeDB()

	locks, err := coordination.OpenLocks(ctx, coordination.Config{JetStream: js})
	if err != nil {
		log.Fatal(err)
	}
	var late coordination.Token
	for _, who := range []string{"first", "second"} {
		err := locks.Do(ctx, "shelf", func(ctx context.Context, token coordination.Token) error {
			if who == "first" {
				late = token // and falls asleep before it writes
				return nil
			}
			return label(ctx, db, token, who)
		})
		if err != nil {
			log.Fatal(err)
		}
	}
	err = label(ctx, db, late, "first")
	fmt.Println("refused:", errors.Is(err, coordination.ErrStale))
	var text string
	if err := db.QueryRow(`SELECT text FROM labels`).Scan(&text); err != nil {
		log.Fatal(err)
	}
	fmt.Println("the shelf says:", text)
	// Output:
	// refused: true
	// the shelf says: second
}

func ExampleLocks_TryAcquire() {
	ctx := context.Background()
	js, stop := broker()
	defer stop()

	locks, err := coordination.OpenLocks(ctx, coordination.Config{JetStream: js, TTL: 5 * time.Second, Owner: "till-3"})
	if err != nil {
		log.Fatal(err)
	}
	held, err := locks.TryAcquire(ctx, "report.daily")
	if err != nil {
		log.Fatal(err)
	}
	_, err = locks.TryAcquire(ctx, "report.daily")
	fmt.Println(err)
	fmt.Println("released:", held.Release(ctx) == nil)
	// Output:
	// lock report.daily: coordination: lock is held by till-3
	// released: true
}

func ExampleElection() {
	ctx, cancel := context.WithCancel(context.Background())
	js, stop := broker()
	defer stop()

	locks, err := coordination.OpenLocks(ctx, coordination.Config{JetStream: js})
	if err != nil {
		log.Fatal(err)
	}
	election, err := coordination.NewElection(locks, "scheduler")
	if err != nil {
		log.Fatal(err)
	}
	err = election.Run(ctx, func(ctx context.Context, term coordination.Token) error {
		fmt.Println("leads", term.Lock)
		cancel() // the process is asked to end
		<-ctx.Done()
		return ctx.Err()
	})
	fmt.Println("ended:", err)
	// Output:
	// leads scheduler
	// ended: <nil>
}

func ExampleCounters() {
	ctx := context.Background()
	js, stop := broker()
	defer stop()

	counters, err := coordination.OpenCounters(ctx, coordination.CounterConfig{JetStream: js, Name: "visits"})
	if err != nil {
		log.Fatal(err)
	}
	for range 3 {
		sum, err := counters.Add(ctx, "page.home", 1)
		fmt.Println(sum, err)
	}
	// Output:
	// 1 <nil>
	// 2 <nil>
	// 3 <nil>
}

// At most 1,000.00 a day from one account.
func ExampleLimit() {
	ctx := context.Background()
	js, stop := broker()
	defer stop()

	limit, err := coordination.OpenLimit(ctx, coordination.LimitConfig{JetStream: js, Name: "daily", Max: 100_000, Day: time.UTC})
	if err != nil {
		log.Fatal(err)
	}
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, cents := range []int64{70_000, 40_000, 30_000} {
		left, err := limit.Take(ctx, "account.7", cents, at)
		fmt.Println(left, err)
	}
	// Output:
	// 30000 <nil>
	// 0 limit daily of account.7: coordination: limit reached: at most 100000 until 2026-03-02T00:00:00Z
	// 0 <nil>
}
