package overload

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/girohq/giro/client"
	"github.com/girohq/giro/embedded"
	"github.com/girohq/giro/internal/drive"
	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/participants"
	"github.com/girohq/giro/participants/ledger"
	"github.com/girohq/giro/saga"
	"github.com/jmoiron/sqlx"
	"github.com/nats-io/nats.go"
)

// world is a node with two banks, and shops that are slow on purpose or not there.
type world struct {
	*testing.T
	ctx  context.Context
	dir  string
	c    *client.Client
	node *embedded.Node
	conn *nats.Conn
	db   *sqlx.DB // the orchestrator's, for reading
}

const accounts = 1000 // of each bank

func definition(t *testing.T, shop string) *saga.Definition {
	t.Helper()
	def, err := saga.ParseJSON(fmt.Appendf(nil, `{"saga":"buy-%s","steps":[{"id":"order","participant":"%s","action":"order","key":"${saga.id}","undo":"cancel","timeout":"2h"},{"id":"done","kind":"pivot","participant":"%s","action":"order","key":"${saga.id}","timeout":"2h"}]}`, shop, shop, shop))
	if err != nil {
		t.Fatal(err)
	}
	return def
}

// in runs use in a new world, which holds at most so many open sagas; 0: the default.
func in(t *testing.T, maxOpen int, patience time.Duration, use func(w *world)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	dir := t.TempDir()
	cfg := embedded.Config{Data: dir, MaxOpen: maxOpen, Definitions: []*saga.Definition{definition(t, "shop"), definition(t, "slow")}}
	for _, bank := range []string{"A", "B"} {
		b := ledger.Branch{Bank: bank}
		for n := range accounts {
			b.Accounts = append(b.Accounts, ledger.Account{Account: fmt.Sprint(n), Currency: "EUR", Balance: 1_000_000_00})
		}
		cfg.Banks = append(cfg.Banks, b)
	}
	err := drive.On(ctx, cfg, func(ctx context.Context, c *client.Client, node *embedded.Node) error {
		w := &world{T: t, ctx: ctx, dir: dir, c: c, node: node}
		w.conn = w.connect("customers")
		defer w.conn.Close()
		db, err := outbox.OpenReadOnly(filepath.Join(dir, embedded.OrchestratorFile))
		w.must(err)
		defer db.Close()
		w.db = db
		use(w)
		return ctx.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) connect(name string) *nats.Conn {
	w.Helper()
	conn, err := w.node.Connect(name)
	w.must(err)
	return conn
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// open opens a shop that takes so long for each order, one after the other; close it with what is returned.
func (w *world) open(shop string, each time.Duration) (closed func()) {
	w.Helper()
	db, err := participants.Open(w.ctx, filepath.Join(w.dir, shop+".db"), nil)
	w.must(err)
	conn := w.connect(shop)
	p, err := participants.New(participants.Config{Name: shop, DB: db, Conn: conn})
	w.must(err)
	ctx, stop := context.WithCancel(w.ctx)
	work := func() {
		if each == 0 {
			return
		}
		select {
		case <-time.After(each):
		case <-ctx.Done(): // it closes, and has no time
		}
	}
	participants.Handle(p, "order", func(context.Context, participants.Tx, struct{}) (struct{}, error) {
		work()
		return struct{}{}, nil
	})
	participants.HandleUndo(p, "cancel", func(context.Context, participants.Tx, struct{}, struct{}) (struct{}, error) {
		return struct{}{}, nil
	})
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	return func() {
		stop()
		if err := <-ended; err != nil {
			w.Error(shop, err)
		}
		conn.Close()
		w.must(db.Close())
	}
}

var numbers atomic.Int64

func nextID() string { return fmt.Sprintf("o-%d", numbers.Add(1)) }

// pay is a transfer from an account to a random one.
func pay(from string, to int) drive.Job {
	t := ledger.Transfer{From: ledger.Place{Bank: "A", Account: from}, To: ledger.Place{Bank: "B", Account: fmt.Sprint(to % accounts)}, Amount: 1, Currency: "EUR"}
	return drive.Job{Type: "transfer", ID: nextID(), Input: t.Input()}
}

func buy(shop string) drive.Job {
	return drive.Job{Type: "buy-" + shop, ID: nextID(), Input: []byte("{}")}
}

// closed runs jobs in a closed loop for a while.
func (w *world) closed(clients int, during time.Duration, next func() drive.Job) *drive.Tally {
	w.Helper()
	tally, end := drive.NewTally(), time.Now().Add(during)
	d := &drive.Driver{Starter: w.c, Clients: clients, Tally: tally, Next: func() (drive.Job, bool) { return next(), time.Now().Before(end) }}
	w.must(d.Run(w.ctx))
	return tally
}

// count asks the orchestrator's database.
func (w *world) count(where string) (n int) {
	w.Helper()
	w.must(w.db.GetContext(w.ctx, &n, `SELECT count(*) FROM sagas WHERE `+where))
	return n
}

const (
	unfinished = "finished IS NULL"
	finished   = "finished IS NOT NULL"
)

// rest waits until no saga is open, and says how long that took.
func (w *world) rest() time.Duration {
	w.Helper()
	began := time.Now()
	w.until("all sagas end", func() bool { return w.count(unfinished) == 0 })
	if n := w.count("state <> 'completed'"); n > 0 {
		w.Errorf("%d sagas are not completed", n)
	}
	return time.Since(began)
}

// until polls until something holds.
func (w *world) until(what string, holds func() bool) {
	w.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-w.ctx.Done():
			w.Fatalf("never: %s", what)
		case <-tick.C:
		}
	}
}

// heap is what is in use after a collection.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

const mega = 1 << 20
