package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/girohq/giro/coordination"
	"github.com/girohq/giro/internal/pgtest"
	"github.com/girohq/giro/races"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	racers = 8
	moves  = 100 // of each
	hot    = 2   // accounts that they all change
)

// arena is one database and many that change its accounts at the same time, each change in a
// transaction of its own. It is how [Mover] is used outside of a bank.
type arena struct {
	testing.TB
	db    *sql.DB
	mover *Mover
	locks *coordination.Locks // for Locked
	begin func(ctx context.Context) (*sql.Tx, error)
}

// sqliteArena has a file whose transactions are immediate. Its commits are not synced: no test of a
// race needs that.
func sqliteArena(t testing.TB, s Strategy) *arena {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(t.TempDir(), "race.db")+"?_journal_mode=WAL&_synchronous=OFF&_busy_timeout=60000&_txlock=immediate")
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	db.SetMaxOpenConns(racers)
	for _, file := range []string{"0001_ledger.sql", "0003_fences.sql"} {
		text, err := migrations.ReadFile("migrations/sqlite/" + file)
		must(t, err)
		_, err = db.Exec(string(text))
		must(t, err)
	}
	return newArena(t, db, s, false)
}

// postgresArena has a schema, in which transactions are read committed.
func postgresArena(t testing.TB, s Strategy) *arena {
	t.Helper()
	db, err := sql.Open("pgx", pgtest.DSN(t))
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	for _, file := range []string{"0001_ledger.sql", "0003_fences.sql"} {
		text, err := migrations.ReadFile("migrations/postgres/" + file)
		must(t, err)
		_, err = db.Exec(string(text))
		must(t, err)
	}
	return newArena(t, db, s, true)
}

func newArena(t testing.TB, db *sql.DB, s Strategy, postgres bool) *arena {
	t.Helper()
	m, err := NewMover(MoverConfig{Strategy: s, Bank: "B", Postgres: postgres, Races: &races.Counts{}})
	must(t, err)
	return &arena{TB: t, db: db, mover: m, begin: func(ctx context.Context) (*sql.Tx, error) { return db.BeginTx(ctx, nil) }}
}

// race lets everybody move at once and returns what came of it: the sum of the changes that were
// acknowledged, by account.
func (a *arena) race() (sums, entries map[string]int64) {
	a.Helper()
	sums, entries = map[string]int64{}, map[string]int64{}
	for n := range hot {
		_, err := a.db.Exec(fmt.Sprintf(`INSERT INTO accounts (account, currency, balance) VALUES ('%d', 'EUR', 1000000)`, n))
		must(a, err)
	}
	var mu sync.Mutex
	var all sync.WaitGroup
	for racer := range racers {
		all.Go(func() {
			chance := rand.New(rand.NewPCG(1, uint64(racer)))
			for range moves {
				c := a.draw(chance, racer)
				err := a.move(c)
				if errors.Is(err, ErrConflict) || errors.Is(err, coordination.ErrHeld) {
					continue
				}
				if err != nil {
					a.Error(err)
					return
				}
				mu.Lock()
				sums[c.Account] += c.Balance
				entries[c.Account]++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return sums, entries
}

func (a *arena) draw(chance *rand.Rand, racer int) Change {
	account := fmt.Sprint(chance.IntN(hot))
	if a.mover.cfg.Strategy == Ordered { // one writer for each account
		account = fmt.Sprint(racer % hot)
		if racer >= hot {
			account = "own" + fmt.Sprint(racer)
		}
	}
	n := chance.Int64N(100) + 1
	if chance.IntN(2) == 0 {
		return takes(account, n).in("EUR")
	}
	return gives(account, n).roomFor(n).in("EUR")
}

func (a *arena) move(c Change) error {
	ctx := a.Context()
	switch a.mover.cfg.Strategy {
	case Unprotected, Optimistic, Ordered:
		return a.mover.Move(ctx, a.db, c) // read and write in transactions of their own
	case Locked:
		return a.locks.Do(ctx, LockName("B", c.Account), func(ctx context.Context, t coordination.Token) error {
			return a.inTx(Under(context.WithoutCancel(ctx), t), c)
		})
	}
	return a.inTx(ctx, c)
}

func (a *arena) inTx(ctx context.Context, c Change) error {
	tx, err := a.begin(ctx)
	if err != nil {
		return err
	}
	if err := a.mover.Move(ctx, tx, c); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// lost counts the accounts that are not what the acknowledged changes say.
func (a *arena) lost(sums, entries map[string]int64) (lost int) {
	a.Helper()
	for account := range sums {
		var balance, version int64
		must(a, a.db.QueryRow(`SELECT balance, version FROM accounts WHERE account = $1`, account).Scan(&balance, &version))
		if balance != 1000000+sums[account] || version != entries[account] {
			lost++
		}
	}
	return lost
}

// TestRace lets many change the same accounts at once. Each strategy must lose nothing; the one
// without protection must lose something, or this test shows nothing.
func TestRace(t *testing.T) {
	for database, open := range map[string]func(testing.TB, Strategy) *arena{"sqlite": sqliteArena, "postgres": postgresArena} {
		for _, s := range append(Strategies(), Unprotected) {
			t.Run(database+"/"+string(s), func(t *testing.T) {
				a := open(t, s)
				a.prepare()
				lost := a.lost(a.race())
				if (lost > 0) != (s == Unprotected) {
					t.Errorf("%d of %d accounts have lost updates (%+v)", lost, hot, a.mover.cfg.Races.Map())
				}
				if s == Optimistic && a.mover.cfg.Races.Of(races.OptimisticConflict) == 0 {
					t.Error("nobody met anybody")
				}
			})
		}
	}
}

// TestRowWaits: in Postgres, who waits for an account that another transaction has locked is counted;
// who finds it free, locked already by itself, or not there is not.
func TestRowWaits(t *testing.T) {
	a := postgresArena(t, Pessimistic)
	_, err := a.db.Exec(`INSERT INTO accounts (account, currency, balance) VALUES ('1', 'EUR', 100)`)
	must(t, err)
	first, err := a.begin(t.Context())
	must(t, err)
	must(t, a.mover.Move(t.Context(), first, takes("1", 10)))
	must(t, a.mover.Move(t.Context(), first, takes("1", 10)))
	var holder int
	must(t, first.QueryRow(`SELECT pg_backend_pid()`).Scan(&holder))
	second := make(chan error)
	go func() { second <- a.inTx(context.WithoutCancel(t.Context()), takes("1", 10)) }()
	for waiting := 0; waiting == 0; {
		must(t, a.db.QueryRow(`SELECT count(*) FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid))`, holder).Scan(&waiting))
	}
	must(t, first.Commit())
	must(t, <-second)
	if err := a.inTx(t.Context(), takes("nobody", 1)); err == nil {
		t.Error("there is no such account")
	}
	if n := a.mover.cfg.Races.Of(races.RowWait); n != 1 {
		t.Errorf("%d waits, want 1", n)
	}
	if lost := a.lost(map[string]int64{"1": 100 - 30 - 1000000}, map[string]int64{"1": 3}); lost != 0 {
		t.Error("the account has lost a change")
	}
}

// prepare gives a strategy what it needs besides the database.
func (a *arena) prepare() {
	a.Helper()
	switch a.mover.cfg.Strategy {
	case Locked:
		js, err := jetstream.New(connect(a))
		must(a, err)
		a.locks, err = coordination.OpenLocks(a.Context(), coordination.Config{JetStream: js, Wait: time.Minute})
		must(a, err)
	case Ordered:
		for racer := hot; racer < racers; racer++ {
			_, err := a.db.Exec(fmt.Sprintf(`INSERT INTO accounts (account, currency, balance) VALUES ('own%d', 'EUR', 1000000)`, racer))
			must(a, err)
		}
	}
}
