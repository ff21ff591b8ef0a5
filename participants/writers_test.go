package participants

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/girohq/giro/internal/pgtest"
	"github.com/girohq/giro/outbox/postgres"
	"github.com/girohq/giro/saga"
	"github.com/jmoiron/sqlx"
	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"
)

// crowd is a participant with several writers on Postgres, without a broker: the test offers commands
// and hears the answers.
type crowd struct {
	*Participant
	mu      sync.Mutex
	answers map[string][]string // by saga: "forward succeeded"
}

func newCrowd(t testing.TB, db Database, cfg Config) *crowd {
	t.Helper()
	cfg.Name, cfg.DB, cfg.Log = "P", db, zerolog.Nop()
	p, err := New(cfg)
	must(t, err)
	c := &crowd{Participant: p, answers: map[string][]string{}}
	p.publisher = c
	Handle(p, "do", func(ctx context.Context, tx Tx, _ toDo) (result, error) { return effect(ctx, tx, "do") })
	HandleUndo(p, "undo", func(ctx context.Context, tx Tx, _ toDo, _ result) (result, error) { return effect(ctx, tx, "undo") })
	return c
}

func effect(ctx context.Context, tx Tx, kind string) (result, error) {
	_, err := tx.ExecContext(ctx, `INSERT INTO effects (saga, kind) VALUES (?, ?)`, CommandFrom(ctx).SagaID, kind)
	return result{Run: 1}, err
}

// PublishMsg implements [publisher].
func (c *crowd) PublishMsg(m *nats.Msg, done func(error)) {
	h := m.Header
	c.mu.Lock()
	id := h.Get("Saga-Id")
	c.answers[id] = append(c.answers[id], h.Get("Saga-Direction")+" "+h.Get("Saga-Outcome"))
	c.mu.Unlock()
	done(nil)
}

func (c *crowd) heard(id string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.answers[id]
}

// run works off what is offered, and returns when all of it is answered.
func (c *crowd) run(t testing.TB, offer func()) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.RunLoop(ctx) }()
	offer()
	stop()
	must(t, <-ended)
}

func openCrowd(t testing.TB) *postgres.DB {
	t.Helper()
	db, err := OpenPostgres(t.Context(), postgres.Config{DSN: pgtest.DSN(t), Migrations: effectsPostgres, Writers: 4})
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	return db
}

// TestWritersKeepTheOrderOfAKey holds that with several writers the commands of one key are applied in
// their order.
func TestWritersKeepTheOrderOfAKey(t *testing.T) {
	db := openCrowd(t)
	c := newCrowd(t, db, Config{})
	c.run(t, func() {
		for i := range 600 {
			command := forward("")
			command.SagaID, command.Key = fmt.Sprintf("%d-%03d", i%6, i), fmt.Sprint(i%6)
			must(t, c.Offer(t.Context(), command))
		}
	})
	var ids []string
	must(t, db.Read().Select(&ids, `SELECT saga FROM effects ORDER BY n`))
	last := map[string]string{}
	for _, id := range ids {
		key, _, _ := strings.Cut(id, "-")
		if id < last[key] {
			t.Fatalf("%s was applied after %s", id, last[key])
		}
		last[key] = id
	}
	if len(ids) != 600 || len(last) != 6 {
		t.Errorf("%d effects of %d keys", len(ids), len(last))
	}
}

// TestWritersMeetAtTheBarrier holds that where the commands of one step run are applied by several writers
// at the same time, they still have one answer that nothing contradicts.
func TestWritersMeetAtTheBarrier(t *testing.T) {
	db := openCrowd(t)
	c := newCrowd(t, db, Config{Spread: Any})
	const sagas = 300
	c.run(t, func() {
		for i := range sagas {
			all := []saga.Command{forward(""), forward(""), inquire(""), backward("", saga.KnownUnknown), backward("", saga.KnownUnknown)}
			for k := range all {
				command := all[(k+i)%len(all)]
				command.SagaID = fmt.Sprintf("S%03d", i)
				must(t, c.Offer(t.Context(), command))
			}
		}
	})
	effects := map[string]string{}
	var rows []struct{ Saga, Kind string }
	must(t, db.Read().Select(&rows, `SELECT saga, kind FROM effects ORDER BY n`))
	for _, r := range rows {
		effects[r.Saga] += r.Kind + " "
	}
	for i := range sagas {
		id := fmt.Sprintf("S%03d", i)
		answers := strings.Join(c.heard(id), ", ")
		ran := strings.Contains(answers, "forward succeeded") || strings.Contains(answers, "inquire succeeded")
		switch got := effects[id]; {
		case len(c.heard(id)) != 5 || strings.Contains(answers, "retry") || strings.Contains(answers, "conflict"):
			t.Errorf("%s: not each command was answered: %s", id, answers)
		case got != "" && got != "do undo ":
			t.Errorf("%s: %s stands after: %s", id, got, answers)
		case ran && got == "":
			t.Errorf("%s: nothing stands after: %s", id, answers)
		}
	}
}

// TestUndosWaitForEachOther holds that of two undos of one step run, at the same time in two transactions,
// one is done and the other gets its answer: the row is locked from the moment it is read.
func TestUndosWaitForEachOther(t *testing.T) {
	db := openCrowd(t)
	c := newCrowd(t, db, Config{})
	apply := func(command saga.Command, applied func(tx Tx)) (*delivery, error) {
		d := &delivery{command: command}
		return d, db.Write(t.Context(), func(tx Tx) error {
			w := newWorker(c.Participant)
			w.Begin()
			err := w.Apply(tx, d)
			applied(tx)
			return err
		})
	}
	_, err := apply(forward(""), func(Tx) {})
	must(t, err)
	var second *delivery
	ended := make(chan error, 1)
	first, err := apply(backward("", saga.KnownUnknown), func(tx Tx) {
		var pid, waiting int
		must(t, tx.GetContext(t.Context(), &pid, `SELECT pg_backend_pid()`))
		go func() {
			var err error
			second, err = apply(backward("", saga.KnownUnknown), func(Tx) {})
			ended <- err
		}()
		for waiting == 0 {
			must(t, db.Read().Get(&waiting, `SELECT count(*) FROM pg_stat_activity WHERE ? = ANY (pg_blocking_pids(pid))`, pid))
		}
	})
	must(t, errors.Join(err, <-ended))
	if first.answer.Outcome != saga.Succeeded || second.answer.Outcome != saga.Succeeded || string(first.answer.Body) != string(second.answer.Body) {
		t.Errorf("%+v and %+v", first.answer, second.answer)
	}
	var kinds []string
	must(t, db.Read().Select(&kinds, `SELECT kind FROM effects ORDER BY n`))
	if fmt.Sprint(kinds) != "[do undo]" {
		t.Errorf("what was done: %v", kinds)
	}
}

// offerUntilAnswered offers the commands of n sagas as a broker does: again and again until each is answered.
func (c *crowd) offerUntilAnswered(ctx context.Context, n int) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		open := 0
		for i := range n {
			command := forward("")
			command.SagaID, command.Key = fmt.Sprintf("S%05d", i), fmt.Sprint(i%32)
			if strings.Contains(strings.Join(c.heard(command.SagaID), ","), "succeeded") {
				continue
			}
			open++
			if err := c.Offer(ctx, command); err != nil {
				return err
			}
		}
		if open == 0 {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// eachOnce checks that each of n sagas has its effect once.
func eachOnce(t testing.TB, db Database, n int) {
	t.Helper()
	var all, sagas int
	must(t, db.Read().QueryRow(`SELECT count(*), count(DISTINCT saga) FROM effects`).Scan(&all, &sagas))
	if all != n || sagas != n {
		t.Errorf("%d effects of %d sagas, want %d", all, sagas, n)
	}
}

// TestPostgresIsKilled holds that a server which crashes under load costs time only: nothing that was
// answered is lost, nothing is done twice, and the participant goes on by itself.
func TestPostgresIsKilled(t *testing.T) {
	server := pgtest.NewServer(t)
	db, err := OpenPostgres(t.Context(), postgres.Config{DSN: server.DSN(), Schema: "p", Migrations: effectsPostgres, Writers: 4})
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	c := newCrowd(t, db, Config{})
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- c.RunLoop(ctx) }()
	const sagas = 1500
	answered := make(chan error, 1)
	go func() { answered <- c.offerUntilAnswered(ctx, sagas) }()
	for kill := range 3 {
		c.awaitAnswers(t, (kill+1)*sagas/5)
		must(t, server.Kill())
		must(t, server.Start())
	}
	must(t, <-answered)
	stop()
	must(t, <-ended)
	eachOnce(t, db, sagas)
}

func (c *crowd) awaitAnswers(t testing.TB, n int) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for late := time.After(2 * time.Minute); ; {
		c.mu.Lock()
		have := len(c.answers)
		c.mu.Unlock()
		if have >= n {
			return
		}
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("%d of %d sagas are answered", have, n)
		}
	}
}

const (
	childDSN   = "GIRO_TEST_CHILD_DSN"
	childSagas = 1500
)

// workIfChild is, in the child, a participant on Postgres that tells of each answer on its output, until
// it has told of all, or is killed.
func workIfChild() {
	dsn := os.Getenv(childDSN)
	if dsn == "" {
		return
	}
	if err := workAsChild(context.Background(), dsn); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func workAsChild(ctx context.Context, dsn string) error {
	db, err := OpenPostgres(ctx, postgres.Config{DSN: dsn, Migrations: effectsPostgres})
	if err != nil {
		return err
	}
	p := Offline(db, func(m *nats.Msg) {
		if m.Header.Get("Saga-Outcome") == string(saga.Succeeded) {
			fmt.Println(m.Header.Get("Saga-Id"))
		}
	})
	Handle(p, "do", func(ctx context.Context, tx Tx, _ toDo) (result, error) { return effect(ctx, tx, "do") })
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- p.RunLoop(ctx) }()
	for i := range childSagas {
		command := forward("")
		command.SagaID, command.Key = fmt.Sprintf("S%05d", i), fmt.Sprint(i%32)
		if err := p.Offer(ctx, command); err != nil {
			return err
		}
	}
	stop()
	return errors.Join(<-ended, db.Close())
}

// TestPostgresParticipantIsKilled holds that after kill -9 of a participant everything that it has answered
// stands, and that the next process does nothing twice.
func TestPostgresParticipantIsKilled(t *testing.T) {
	dsn := pgtest.DSN(t)
	told := map[string]bool{}
	for run := range 4 {
		killAfter := 100 + 200*run
		if run == 3 {
			killAfter = childSagas
		}
		listen(t, dsn, told, killAfter)
	}
	db, err := OpenPostgres(t.Context(), postgres.Config{DSN: dsn, Migrations: effectsPostgres})
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	if len(told) != childSagas || db.Boot() != 5 {
		t.Errorf("%d sagas were answered in %d boots", len(told), db.Boot())
	}
	eachOnce(t, db, childSagas)
}

// listen runs a child, and kills it when it has told of so many answers. What was told of stands already.
func listen(t *testing.T, dsn string, told map[string]bool, killAfter int) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$")
	child.Env = append(os.Environ(), childDSN+"="+dsn)
	out, err := child.StdoutPipe()
	must(t, err)
	child.Stderr = os.Stderr
	must(t, child.Start())
	lines := bufio.NewScanner(out)
	for n := 0; lines.Scan(); {
		told[lines.Text()] = true
		if n++; n == killAfter && killAfter < childSagas {
			must(t, child.Process.Kill())
			break
		}
	}
	_, _ = io.Copy(io.Discard, out) // may have been told of before the kill; asked for again all the same
	if err := child.Wait(); killAfter == childSagas {
		must(t, err)
	}
	checkTold(t, dsn, told)
}

func checkTold(t *testing.T, dsn string, told map[string]bool) {
	t.Helper()
	db, err := sqlx.Connect("pgx", dsn)
	must(t, err)
	defer db.Close()
	var stands []string
	must(t, db.Select(&stands, `SELECT saga FROM effects`))
	have := map[string]bool{}
	for _, id := range stands {
		have[id] = true
	}
	for id := range told {
		if !have[id] {
			t.Fatalf("%s was answered, and does not stand", id)
		}
	}
}
