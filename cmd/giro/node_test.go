package main

import (
	"context"
	"strconv"
	"time"

	"github.com/girohq/giro/embedded"
	"github.com/girohq/giro/participants/ledger"
	"github.com/girohq/giro/saga"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/rogpeppe/go-internal/testscript"
)

type nodeKey struct{}

// scriptNode is the node of a script, if one runs.
type scriptNode struct {
	stop func() error
}

func nodeOf(ts *testscript.TestScript) *scriptNode { return ts.Value(nodeKey{}).(*scriptNode) }

// startScriptNode runs a node with the banks A and B, accounts 1 to 3 of 1,000.00 EUR each.
func startScriptNode(ts *testscript.TestScript, neg bool, args []string) {
	dir := "data"
	if len(args) == 1 {
		dir = args[0]
	}
	if neg || len(args) > 1 || nodeOf(ts).stop != nil {
		ts.Fatalf("usage: node [DIR], once")
	}
	ctx, cancel := context.WithCancel(context.Background())
	n, err := embedded.New(ctx, embedded.Config{
		Data: ts.MkAbs(dir), Listen: "127.0.0.1:0", Banks: banks(), Definitions: []*saga.Definition{saga.Transfer()},
	})
	ts.Check(err)
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	nodeOf(ts).stop = func() error { cancel(); return <-ended }
	ts.Defer(func() { ts.Check(nodeOf(ts).end()) })
	patience, enough := context.WithTimeout(ctx, 30*time.Second)
	defer enough()
	ts.Check(n.Ready(patience))
	ts.Setenv("NATS_URL", n.URL())
}

func (n *scriptNode) end() error {
	if n.stop == nil {
		return nil
	}
	stop := n.stop
	n.stop = nil
	return stop()
}

func stopScriptNode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 || nodeOf(ts).stop == nil {
		ts.Fatalf("usage: stopnode, after node")
	}
	ts.Check(nodeOf(ts).end())
	ts.Setenv("NATS_URL", nobody)
}

func banks() []ledger.Branch {
	var accounts []ledger.Account
	for i := range 3 {
		accounts = append(accounts, ledger.Account{Account: strconv.Itoa(i + 1), Currency: "EUR", Balance: 100_000})
	}
	return []ledger.Branch{{Bank: "A", Accounts: accounts}, {Bank: "B", Accounts: accounts}}
}

// startGuarded runs a broker without an orchestrator. Its users, with the password "secret", are
// "reader", who may publish nothing of ours, and "writer", who may do everything.
func startGuarded(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: guarded")
	}
	b, err := embedded.StartNATS(embedded.NATSConfig{Dir: ts.MkAbs("guarded"), Listen: "127.0.0.1:0", Users: []embedded.User{
		{Name: "writer", Password: "secret"},
		{Name: "reader", Password: "secret", Permissions: &server.Permissions{Publish: &server.SubjectPermission{Deny: []string{"saga.>"}}}},
	}})
	ts.Check(err)
	ts.Defer(b.Shutdown)
	ts.Setenv("NATS_URL", b.URL())
}
