package coordination

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/girohq/giro/outbox"
)

// resource is the table that a lock protects, with the table of Guard.
func resource(path string) (*sql.DB, error) {
	db, err := sql.Open("sqlite3", "file:"+path+"?_journal_mode=WAL&_synchronous=FULL&_txlock=immediate&_busy_timeout=10000")
	if err != nil {
		return nil, err
	}
	_, err = db.Exec(Schema + `; CREATE TABLE IF NOT EXISTS notes (by TEXT)`)
	return db, err
}

// write puts a note under the token in one transaction, and looks at the token only if guarded.
func write(db *sql.DB, by string, t Token, guarded bool) error {
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if guarded {
		if err := Guard(bg, tx, t); err != nil {
			return err
		}
	}
	if _, err := tx.Exec(`INSERT INTO notes (by) VALUES (?)`, by); err != nil {
		return err
	}
	return tx.Commit()
}

func notes(t testing.TB, db *sql.DB) string {
	t.Helper()
	var all sql.NullString
	must(t, db.QueryRow(`SELECT group_concat(by, ' ') FROM (SELECT by FROM notes ORDER BY rowid)`).Scan(&all))
	return all.String
}

func TestGuard(t *testing.T) {
	db, err := resource(filepath.Join(t.TempDir(), "r.db"))
	must(t, err)
	defer db.Close()
	for _, row := range []struct {
		token Token
		want  error
	}{
		{Token{"x", 5, "a"}, nil},
		{Token{"x", 5, "a"}, nil},      // the same holder goes on
		{Token{"x", 5, "b"}, ErrStale}, // a number given twice
		{Token{"x", 4, "a"}, ErrStale},
		{Token{"x", 9, "c"}, nil},
		{Token{"x", 5, "a"}, ErrStale}, // its time is over
		{Token{"y", 1, "a"}, nil},      // another resource
		{Token{}, ErrInvalid},
	} {
		if err := write(db, row.token.Holder, row.token, true); !errors.Is(err, row.want) || (err == nil) != (row.want == nil) {
			t.Errorf("%+v: %v, want %v", row.token, err, row.want)
		}
	}
	if got := notes(t, db); got != "a a c a" {
		t.Errorf("written: %s", got)
	}
}

// A refused transaction leaves nothing, and what was rolled back does not raise the mark.
func TestGuardCommitsWithTheWrite(t *testing.T) {
	db, err := resource(filepath.Join(t.TempDir(), "r.db"))
	must(t, err)
	defer db.Close()
	tx, err := db.Begin()
	must(t, err)
	must(t, Guard(bg, tx, Token{"x", 9, "b"}))
	must(t, tx.Rollback())
	must(t, write(db, "a", Token{"x", 5, "a"}, true))
}

// The transaction of a participant or of the caller's outbox will do.
func TestGuardInAnOutbox(t *testing.T) {
	db, err := outbox.Open(bg, outbox.Config{Path: filepath.Join(t.TempDir(), "o.db")})
	must(t, err)
	defer db.Close()
	guard := func(number uint64) error {
		return db.Write(bg, func(tx outbox.Tx) error {
			if _, err := tx.ExecContext(bg, Schema); err != nil {
				return err
			}
			return Guard(bg, tx, Token{"x", number, "a"})
		})
	}
	must(t, guard(7))
	if err := guard(6); !errors.Is(err, ErrStale) {
		t.Fatal(err)
	}
}

// A process acquires the lock and is stopped, as by a garbage collector or a hypervisor, for longer
// than its TTL. Another takes the lock and writes. The first wakes up where it was, between looking
// and writing. Without the guard it writes; with the guard it is refused.
func TestPausedHolder(t *testing.T) {
	onEach(t, func(t *testing.T, c *servers, replicas int) {
		for _, how := range []string{"plain", "guarded"} {
			t.Run(how, func(t *testing.T) { pausedHolder(t, c, replicas, how) })
		}
	})
}

func pausedHolder(t *testing.T, c *servers, replicas int, how string) {
	path := filepath.Join(t.TempDir(), "r.db")
	db, err := resource(path)
	must(t, err)
	defer db.Close()
	l := c.locks(Config{Replicas: replicas, TTL: time.Second})
	first := startHolder(t, c.URL(), path)
	if said := first.say(how); said != "written" { // while it holds, it may
		t.Fatal(said)
	}
	must(t, first.cmd.Process.Signal(syscall.SIGSTOP))
	second, err := l.Acquire(bg, "x") // waits until the first has expired
	must(t, err)
	defer second.Release(bg)
	must(t, write(db, "second", second.Token(), how == "guarded"))
	must(t, first.tell(how)) // read when it wakes
	must(t, first.cmd.Process.Signal(syscall.SIGCONT))
	said, want, written := first.hear(), "written", "first second first"
	if how == "guarded" {
		want, written = ErrStale.Error(), "first second"
	}
	if !strings.Contains(said, want) {
		t.Errorf("the first says %q, want %q", said, want)
	}
	if got := notes(t, db); got != written {
		t.Errorf("written: %s, want %s", got, written)
	}
	if said := first.say("context"); said != ErrLost.Error() {
		t.Errorf("the first is told %q", said)
	}
}

// holder is this binary again, in a process that holds the lock x and writes when it is told.
type holder struct {
	t   testing.TB
	cmd *exec.Cmd
	in  io.Writer
	out *bufio.Scanner
}

func startHolder(t testing.TB, urls, path string) *holder {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "COORDINATION_CHILD="+urls, "COORDINATION_PATH="+path)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	})
	h := &holder{t: t, cmd: cmd, in: in, out: bufio.NewScanner(out)}
	if said := h.hear(); said != "held" {
		t.Fatalf("the holder says %q", said)
	}
	return h
}

func (h *holder) tell(what string) error {
	_, err := fmt.Fprintln(h.in, what)
	return err
}

func (h *holder) say(what string) string {
	must(h.t, h.tell(what))
	return h.hear()
}

func (h *holder) hear() string {
	if !h.out.Scan() {
		return "nothing"
	}
	return h.out.Text()
}

// childHolds is the process of a holder: it acquires, then does what its input says.
func childHolds() {
	db, err := resource(os.Getenv("COORDINATION_PATH"))
	check(err)
	nc, err := nats.Connect(os.Getenv("COORDINATION_CHILD"))
	check(err)
	js, err := jetstream.New(nc)
	check(err)
	s, err := js.Stream(bg, "KV_locks")
	check(err)
	l, err := OpenLocks(bg, Config{JetStream: js, Replicas: s.CachedInfo().Config.Replicas, TTL: time.Second})
	check(err)
	h, err := l.Acquire(bg, "x")
	check(err)
	fmt.Println("held")
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		fmt.Println(answer(in.Text(), db, h))
	}
}

func answer(to string, db *sql.DB, h *Held) string {
	if to == "context" {
		<-h.Context().Done()
		if errors.Is(context.Cause(h.Context()), ErrLost) {
			return ErrLost.Error()
		}
		return context.Cause(h.Context()).Error()
	}
	if err := write(db, "first", h.Token(), to == "guarded"); err != nil {
		return err.Error()
	}
	return "written"
}

func check(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}
