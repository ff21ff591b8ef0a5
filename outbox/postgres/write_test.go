package postgres

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/girohq/giro/internal/pgtest"
	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/races"
)

// TestLostUpdateIsRunAgain holds that a transaction whose read is outdated is run again from the start,
// also where its function ignores the error, and that it is counted.
func TestLostUpdateIsRunAgain(t *testing.T) {
	db := openAt(t, Config{DSN: pgtest.DSN(t), Writers: 2, Isolation: sql.LevelRepeatableRead, Races: &races.Counts{}})
	write(t, db, `CREATE TABLE items (id BIGINT PRIMARY KEY, n BIGINT)`)
	write(t, db, `INSERT INTO items VALUES (1, 0)`)
	tries := 0
	must(t, db.Write(bg, func(tx outbox.Tx) error {
		var n int64
		if err := tx.GetContext(bg, &n, `SELECT n FROM items`); err != nil {
			return err
		}
		if tries++; tries == 1 {
			write(t, db, `UPDATE items SET n = n + 10`)
		}
		_ = tx.Savepoint(func() error {
			_, _ = tx.ExecContext(bg, `UPDATE items SET n = ?`, n+1)
			return nil
		})
		return nil
	}))
	if n := count(t, db, "items WHERE n = 11"); n != 1 {
		t.Error("an update was lost")
	}
	if c := db.Conflicts(); tries != 2 || c.Serialization != 1 || c.Retries != 1 || c.GivenUp != 0 {
		t.Errorf("%d tries, %+v", tries, c)
	}
	wantRaces(t, db, races.SerializationFailure, 1)
}

// TestDeadlock holds that of two transactions that wait for each other both are done in the end.
func TestDeadlock(t *testing.T) {
	db := openItems(t, 2)
	write(t, db, `INSERT INTO items VALUES (1, ''), (2, '')`)
	var met, done sync.WaitGroup
	met.Add(2)
	for _, order := range [][2]int{{1, 2}, {2, 1}} {
		first := true
		done.Go(func() {
			err := db.Write(bg, func(tx outbox.Tx) error {
				_, err := tx.ExecContext(bg, `UPDATE items SET note = note || 'x' WHERE id = ?`, order[0])
				if first {
					first = false
					met.Done()
					met.Wait()
				}
				if err != nil {
					return err
				}
				_, err = tx.ExecContext(bg, `UPDATE items SET note = note || 'x' WHERE id = ?`, order[1])
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	done.Wait()
	if n := count(t, db, "items WHERE note = 'xx'"); n != 2 {
		t.Errorf("%d of 2 rows have both updates", n)
	}
	if c := db.Conflicts(); c.Deadlocks != 1 || c.Retries != 1 {
		t.Errorf("%+v", c)
	}
	wantRaces(t, db, races.Deadlock, 1)
}

// TestContended holds that a transaction which never gets its lock is given up in the end.
func TestContended(t *testing.T) {
	db := openItems(t, 2)
	write(t, db, `INSERT INTO items VALUES (1, '')`)
	must(t, db.Write(bg, func(tx outbox.Tx) error {
		_, err := tx.ExecContext(bg, `UPDATE items SET note = 'mine'`)
		must(t, err)
		err = db.Write(bg, func(tx outbox.Tx) error {
			_, err := tx.ExecContext(bg, `SELECT 1 FROM items FOR UPDATE NOWAIT`)
			return err
		})
		if !errors.Is(err, outbox.ErrContended) {
			t.Errorf("the lock is held: %v", err)
		}
		return nil
	}))
	if c := db.Conflicts(); c.LockTimeouts != maxTries || c.Retries != maxTries-1 || c.GivenUp != 1 {
		t.Errorf("%+v", c)
	}
	wantRaces(t, db, races.RowWait, maxTries)
}

// cutter ends connections that write, just before or just after a COMMIT goes out.
type cutter struct {
	before, after atomic.Bool
}

type cutConn struct {
	net.Conn
	cut *cutter
}

func (c *cutter) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, addr)
	return &cutConn{conn, c}, err
}

// Write implements [net.Conn].
func (c *cutConn) Write(b []byte) (int, error) {
	isCommit := bytes.Contains(b, []byte("COMMIT\x00"))
	if isCommit && c.cut.before.CompareAndSwap(true, false) {
		return 0, errors.Join(errors.New("cut"), c.Close())
	}
	n, err := c.Conn.Write(b)
	if isCommit && c.cut.after.CompareAndSwap(true, false) {
		_ = c.Close()
	}
	return n, err
}

// TestAnswerToCommitIsLost holds that what became of a commit whose answer was lost is found out: it is
// an error if and only if nothing stands.
func TestAnswerToCommitIsLost(t *testing.T) {
	cut := &cutter{}
	db := openAt(t, Config{DSN: pgtest.DSN(t), Writers: 1, dial: cut.dial})
	write(t, db, `CREATE TABLE items (id BIGINT PRIMARY KEY, note TEXT)`)
	insert := func(id int) error {
		return db.Write(bg, func(tx outbox.Tx) error {
			_, err := tx.ExecContext(bg, `INSERT INTO items VALUES (?, '')`, id)
			return err
		})
	}
	commits := db.Commits()
	cut.after.Store(true)
	must(t, insert(1))
	if cut.after.Load() || db.Commits() != commits+1 {
		t.Error("no commit was cut off, or it was not counted")
	}
	cut.before.Store(true)
	if err := insert(2); !errors.Is(err, outbox.ErrTxLost) {
		t.Errorf("a commit that did not reach the server: %v", err)
	}
	must(t, insert(3))
	if n := count(t, db, "items WHERE id <> 2"); n != 2 || count(t, db, "items") != 2 {
		t.Error("what stands is not what was said")
	}
}

// TestConnectionLost holds that a transaction whose connection ends is lost, and the next one is not.
func TestConnectionLost(t *testing.T) {
	db := openItems(t, 2)
	err := db.Write(bg, func(tx outbox.Tx) error {
		var pid int
		must(t, tx.GetContext(bg, &pid, `SELECT pg_backend_pid()`))
		write(t, db, `SELECT pg_terminate_backend(?, 60000)`, pid)
		_, _ = tx.ExecContext(bg, `INSERT INTO items VALUES (1, '')`)
		if !tx.Lost() {
			t.Error("the loss is not seen")
		}
		if _, err := tx.ExecContext(bg, `INSERT INTO items VALUES (2, '')`); !errors.Is(err, outbox.ErrTxLost) {
			t.Errorf("a statement after the loss: %v", err)
		}
		return nil
	})
	if !errors.Is(err, outbox.ErrTxLost) {
		t.Errorf("write: %v", err)
	}
	write(t, db, `INSERT INTO items VALUES (3, '')`)
	write(t, db, `INSERT INTO items VALUES (4, '')`)
	if n := count(t, db, "items"); n != 2 {
		t.Errorf("%d items", n)
	}
}

// collector is a worker of numbers; some are bad.
type collector struct {
	committed []int
	failed    map[int]error
}

func (c *collector) Begin() {}

func (c *collector) Apply(tx outbox.Tx, n int) error {
	if _, err := tx.ExecContext(bg, `INSERT INTO items VALUES (?, '')`, n); err != nil {
		return err
	}
	if n == 3 {
		panic("three")
	}
	return nil
}

func (c *collector) Committed(items []int)      { c.committed = append(c.committed, items...) }
func (c *collector) Failed(item int, err error) { c.failed[item] = err }

// TestLoop holds that a bad item takes no other of its batch with it.
func TestLoop(t *testing.T) {
	db := openItems(t, 1)
	write(t, db, `INSERT INTO items VALUES (5, 'there already')`)
	c := &collector{failed: map[int]error{}}
	loop := outbox.NewLoop(db, c, 16)
	for n := range 8 {
		must(t, loop.Submit(bg, n))
	}
	stopped, stop := context.WithCancel(bg)
	stop()
	must(t, loop.Run(stopped))
	if len(c.committed) != 6 || c.failed[3] == nil || codeOf(c.failed[5]) != "23505" || len(c.failed) != 2 {
		t.Errorf("committed %v, failed %v", c.committed, c.failed)
	}
	if n := count(t, db, "items"); n != 7 {
		t.Errorf("%d items", n)
	}
}
