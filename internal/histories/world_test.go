package histories

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/girohq/giro/client"
	"github.com/girohq/giro/embedded"
	"github.com/girohq/giro/internal/audit"
	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/participants/ledger"
	"github.com/girohq/giro/saga"
	"github.com/jmoiron/sqlx"
	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"
)

const (
	accounts = 4 // of each bank
	opening  = 10_000
	clients  = 6
	readyFor = time.Minute
)

var banks = []string{"A", "B"}

// world is a node over one directory that may be stopped and come back, and what clients reach it with.
type world struct {
	t     *testing.T
	dir   string
	reads map[string]*sqlx.DB // of the banks

	mu      sync.RWMutex // held to stop the node
	clients []*client.Client
	conns   []*nats.Conn
	stop    func()
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, dir: t.TempDir(), reads: map[string]*sqlx.DB{}}
	w.start()
	t.Cleanup(func() { w.down() })
	for _, bank := range banks {
		db, err := outbox.OpenReadOnly(filepath.Join(w.dir, ledger.FileName(bank)))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() }) // it was only read
		w.reads[bank] = db
	}
	return w
}

// start brings the node up, and each client's connection.
func (w *world) start() {
	w.t.Helper()
	cfg := embedded.Config{Data: w.dir, Definitions: []*saga.Definition{saga.Transfer()}, Log: zerolog.Nop()}
	for _, bank := range banks {
		branch := ledger.Branch{Bank: bank}
		for i := range accounts {
			branch.Accounts = append(branch.Accounts, ledger.Account{Account: fmt.Sprint(i), Currency: "EUR", Balance: opening})
		}
		cfg.Banks = append(cfg.Banks, branch)
	}
	ctx, cancel := context.WithCancel(context.Background())
	n, err := embedded.New(ctx, cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	w.stop = func() {
		cancel()
		if err := <-ended; err != nil {
			w.t.Error("node:", err)
		}
	}
	ready, done := context.WithTimeout(ctx, readyFor)
	defer done()
	err = n.Ready(ready)
	w.clients, w.conns = nil, nil
	for i := range clients {
		conn, failed := n.Connect(fmt.Sprint("client ", i))
		err = errors.Join(err, failed)
		if failed == nil {
			c, failed := client.New(conn)
			err = errors.Join(err, failed)
			w.clients, w.conns = append(w.clients, c), append(w.conns, conn)
		}
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) down() {
	for _, conn := range w.conns {
		conn.Close()
	}
	w.stop()
}

// again stops the node while its clients ask, and brings it back; with wipe the broker has forgotten
// everything meanwhile.
func (w *world) again(wipe bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down()
	if wipe {
		if err := os.RemoveAll(filepath.Join(w.dir, "nats")); err != nil {
			w.t.Fatal(err)
		}
	}
	w.start()
}

// client is what client n reaches the node with now. The node may go away meanwhile.
func (w *world) client(n int) *client.Client {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return w.clients[n]
}

// balance reads an account as its database is now.
func (w *world) balance(ctx context.Context, account string) (balance int64, err error) {
	err = w.reads[account[:1]].GetContext(ctx, &balance, `SELECT balance FROM accounts WHERE account = ?`, account[1:])
	return balance, err
}

// audit reads all databases, beside the node.
func (w *world) audit(ctx context.Context) (*audit.Report, error) {
	files, err := audit.In(w.dir)
	if err != nil {
		return nil, err
	}
	return audit.Run(ctx, files)
}

func decode(t *testing.T, data []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatal(err)
	}
}
