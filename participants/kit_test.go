package participants

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/girohq/giro/internal/pgtest"
	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/saga"
	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	crashIfChild()
	workIfChild()
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		pgtest.Stop()
		os.Exit(code)
	}))
}

const origin = "origin1"

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// effects is the table of the kit's handlers: one row for each run of a handler that stands.
var effects = fstest.MapFS{"0001_effects.sql": {Data: []byte(
	`CREATE TABLE effects (n INTEGER PRIMARY KEY, saga TEXT NOT NULL, kind TEXT NOT NULL) STRICT`)}}

// toDo is what a command tells the kit's handlers to do after they have written their effect.
type toDo struct {
	Mode string `json:"mode"`
}

// result is what the kit's handlers return: each run another number.
type result struct {
	Run int64 `json:"run"`
}

// kit is a participant whose worker is driven by hand, on a real database and without a broker.
type kit struct {
	*testing.T
	db   Database
	open func() (Database, error) // opens the database of the test, again and again
	w    *worker
	sent chan *nats.Msg // what the worker published
	mode map[string]func(context.Context, Tx) error
	runs int64
}

func newKit(t *testing.T) *kit {
	t.Helper()
	if strings.HasPrefix(t.Name(), onPostgres) {
		return newKitOn(t, emptied(t))
	}
	return newClosingKit(t)
}

// newClosingKit is for tests that close their database or open it again.
func newClosingKit(t *testing.T) *kit {
	t.Helper()
	open := opener(t)
	db, err := open()
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	k := newKitOn(t, db)
	k.open = open
	return k
}

func newKitOn(t *testing.T, db Database) *kit {
	t.Helper()
	p, err := New(Config{Name: "P", DB: db, Log: zerolog.Nop(), Now: func() time.Time { return noon }})
	must(t, err)
	k := &kit{T: t, db: db, sent: make(chan *nats.Msg, 1024), mode: map[string]func(context.Context, Tx) error{}}
	p.publisher = k
	k.register(p)
	k.w = newWorker(p)
	return k
}

// reopen closes the database and opens it again, as another process would.
func (k *kit) reopen() {
	k.Helper()
	must(k, k.db.Close())
	db, err := k.open()
	must(k, err)
	k.Cleanup(func() { must(k, db.Close()) })
	k.db = db
}

func (k *kit) PublishMsg(m *nats.Msg, done func(error)) {
	k.sent <- m
	done(nil)
}

func (k *kit) register(p *Participant) {
	Handle(p, "do", func(ctx context.Context, tx Tx, a toDo) (result, error) { return k.handle(ctx, tx, "do", a) })
	HandleUndo(p, "undo", func(ctx context.Context, tx Tx, a toDo, done result) (result, error) {
		if done.Run == 0 {
			return result{}, errors.New("the undo did not get the forward's result")
		}
		return k.handle(ctx, tx, "undo", a)
	})
}

func (k *kit) handle(ctx context.Context, tx Tx, kind string, a toDo) (result, error) {
	k.runs++
	if _, err := tx.ExecContext(ctx, `INSERT INTO effects (saga, kind) VALUES (?, ?)`, CommandFrom(ctx).SagaID, kind); err != nil {
		return result{}, err
	}
	if do := k.mode[a.Mode]; do != nil {
		return result{Run: k.runs}, do(ctx, tx)
	}
	return result{Run: k.runs}, nil
}

// apply brings one command past the barrier and commits.
func (k *kit) apply(c saga.Command) *delivery {
	k.Helper()
	d := &delivery{command: c, envelope: wire.Envelope{Origin: origin}}
	must(k, k.applyDelivery(d))
	return d
}

func (k *kit) applyDelivery(d *delivery) error {
	return k.db.Write(k.Context(), func(tx Tx) error {
		k.w.Begin()
		return k.w.Apply(tx, d)
	})
}

// stored is the barrier row of saga S, step s.
func (k *kit) stored() saga.Row {
	k.Helper()
	return k.row("s")
}

// row is the barrier row of a step run of saga S.
func (k *kit) row(step string) (row saga.Row) {
	k.Helper()
	must(k, k.db.Write(k.Context(), func(tx Tx) (err error) {
		row, err = (&inbox{dialect: k.db.Dialect()}).load(tx, &saga.Command{SagaID: "S", Step: step})
		return err
	}))
	return row
}

// effects lists the handlers' runs that stand, in order.
func (k *kit) effects() string {
	k.Helper()
	var kinds []string
	must(k, k.db.Read().Select(&kinds, `SELECT kind FROM effects ORDER BY n`))
	return fmt.Sprint(kinds)
}

func (k *kit) wantEffects(want string) {
	k.Helper()
	if got := k.effects(); got != want {
		k.Errorf("effects: %s, want %s", got, want)
	}
}

func (k *kit) want(d *delivery, outcome saga.Outcome, code string) {
	k.Helper()
	if d.answer.Outcome != outcome || d.answer.Code != code {
		k.Errorf("%s: %s %q (%s), want %s %q", d.command.Op(), d.answer.Outcome, d.answer.Code, d.answer.Message, outcome, code)
	}
}

func forward(mode string) saga.Command {
	return saga.Command{SagaID: "S", SagaType: "t", Step: "s", Kind: saga.Compensatable, Direction: saga.Forward, Attempt: 1,
		Participant: "P", Action: "do", Key: "k", Body: []byte(`{"mode":"` + mode + `"}`)}
}

func late(mode string) saga.Command {
	c := forward(mode)
	c.Deadline = noon.Add(-time.Nanosecond)
	return c
}

func backward(mode string, known saga.Known) saga.Command {
	c := forward(mode)
	c.Direction, c.Known, c.Action = saga.Backward, known, "undo"
	return c
}

func inquire(mode string) saga.Command {
	c := forward(mode)
	c.Direction = saga.Inquire
	return c
}

func closing(mode string) saga.Command {
	c := backward(mode, "")
	c.Direction = saga.Close
	return c
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
