package client_test

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/girohq/giro/client"
	"github.com/girohq/giro/embedded"
	"github.com/girohq/giro/participants/ledger"
	"github.com/girohq/giro/saga"
	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(callerPath); path != "" {
		fmt.Fprintln(os.Stderr, callForEver(path))
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

// patience bounds every wait of these tests.
const patience = 30 * time.Second

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// startNodeOn runs a node with two banks until stop is called or the test ends. An empty listen
// opens no port.
func startNodeOn(t *testing.T, dir, listen string, definitions ...*saga.Definition) (n *embedded.Node, stop func()) {
	t.Helper()
	account := func(name string) ledger.Account {
		return ledger.Account{Account: name, Currency: "EUR", Balance: 100_000_000}
	}
	ctx, cancel := context.WithCancel(context.Background())
	n, err := embedded.New(ctx, embedded.Config{
		Data: dir, Listen: listen, Definitions: append(definitions, saga.Transfer()),
		Banks: []ledger.Branch{{Bank: "A", Accounts: []ledger.Account{account("1"), account("2")}}, {Bank: "B", Accounts: []ledger.Account{account("1")}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error("node:", err)
		}
	})
	t.Cleanup(stop)
	if err := n.Ready(within(t)); err != nil {
		t.Fatal(err)
	}
	return n, stop
}

func connect(t *testing.T, n *embedded.Node) *nats.Conn {
	t.Helper()
	conn, err := n.Connect("test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return conn
}

// newClient is a client of a node of its own.
func newClient(t *testing.T, definitions ...*saga.Definition) *client.Client {
	t.Helper()
	n, _ := startNodeOn(t, t.TempDir(), "", definitions...)
	return clientOf(t, connect(t, n))
}

func clientOf(t *testing.T, conn *nats.Conn) *client.Client {
	t.Helper()
	c, err := client.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// transfer is an input of the saga "transfer"; the accounts 1 and 2 of A and 1 of B exist.
type transfer struct {
	From     place  `json:"from"`
	To       place  `json:"to"`
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
}

type place struct {
	Bank    string `json:"bank"`
	Account string `json:"account"`
}

func pays(amount int64) transfer {
	return transfer{From: place{"A", "1"}, To: place{"B", "1"}, Amount: amount, Currency: "EUR"}
}

func paysNobody() transfer {
	return transfer{From: place{"A", "1"}, To: place{"B", "none"}, Amount: 1, Currency: "EUR"}
}

// parse reads a definition that must be right.
func parse(t *testing.T, source string) *saga.Definition {
	t.Helper()
	def, err := saga.Parse("test.yaml", []byte(source))
	if err != nil {
		t.Fatal(err)
	}
	return def
}

// lonely waits for a participant that does not exist.
const lonely = `
saga: lonely
version: 1
steps:
  - {id: ask, participant: nobody, action: answer, undo: forget}
`
