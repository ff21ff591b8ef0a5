package embedded

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/orchestrator"
	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/participants/ledger"
	"github.com/girohq/giro/saga"
	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/sync/errgroup"
)

// Config says what runs in a [Node]. Only Data is required.
type Config struct {
	// Data is the directory of everything that is kept: the databases and the broker's store.
	// It is made if missing, and locked against a second process.
	Data string
	// Listen is the broker's host:port; "" opens no port.
	Listen string
	// Prefix begins every subject; default "saga".
	Prefix string
	// Adopt takes over streams of another orchestrator store.
	Adopt bool
	// MaxOpen bounds the sagas that have not ended, as in [orchestrator.Config].
	MaxOpen int
	// Keep is how long finished sagas stay whole, as in [orchestrator.Config]; 0: for ever.
	Keep time.Duration
	// Dial connects to a broker that runs elsewhere, by a connection that reconnects for ever and has the name. Nil:
	// the node has a broker of its own. Listen is for that one only.
	Dial func(name string) (*nats.Conn, error)
	// EventBytes is how much of the events can be read again, as in [orchestrator.Config].
	EventBytes int64
	// Replicas is how many servers keep each message, as in [orchestrator.Config]; for a broker elsewhere.
	Replicas int
	// Banks are the ledgers that take part, with the accounts they open where these do not exist.
	Banks []ledger.Branch
	// Definitions are stored before the start.
	Definitions []*saga.Definition
	// Now is the clock of the orchestrator and the banks, and Jumped as in [orchestrator.Config]; for
	// tests in virtual time.
	Now    func() time.Time
	Jumped <-chan struct{}
	// Tracer makes spans of sagas; nil: no tracing.
	Tracer trace.TracerProvider
	Log    zerolog.Logger
}

// OrchestratorFile is the name of the orchestrator's database in the data directory.
const OrchestratorFile = "orchestrator.db"

// Node is the whole of Giro in one process: broker, orchestrator and banks over one data
// directory. Make it with [New], [Node.Run] it once; Run closes it.
type Node struct {
	cfg          Config
	nats         *NATS // nil: it runs elsewhere
	orchestrator *orchestrator.Orchestrator
	db           *outbox.DB // the orchestrator's
	banks        []*ledger.Bank
	conns        []*nats.Conn
	closers      []func() error // in the order in which things were opened
}

// New opens the data directory, its databases and the broker, and opens the accounts. Nothing
// runs yet. A directory in use is refused with [outbox.ErrLocked].
func New(ctx context.Context, cfg Config) (*Node, error) {
	n := &Node{cfg: cfg}
	if err := n.open(ctx); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

func (n *Node) open(ctx context.Context) error {
	switch {
	case n.cfg.Data == "":
		return errors.New("embedded: Config.Data is required")
	case n.cfg.Dial != nil && n.cfg.Listen != "":
		return errors.New("embedded: Config.Listen is the port of the node's own broker, and with Config.Dial it has none")
	}
	names, err := wire.New(n.cfg.Prefix)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(n.cfg.Data, 0o750); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	lock, err := outbox.LockDir(n.cfg.Data)
	if err != nil {
		return err
	}
	n.onClose(lock.Release)
	if n.cfg.Dial == nil {
		if err := n.openBroker(names); err != nil {
			return err
		}
	}
	if err := n.openOrchestrator(ctx); err != nil {
		return err
	}
	for _, branch := range n.cfg.Banks {
		if err := n.openBank(ctx, branch); err != nil {
			return err
		}
	}
	return nil
}

func (n *Node) openBroker(names wire.Names) (err error) {
	n.nats, err = StartNATS(NATSConfig{Dir: filepath.Join(n.cfg.Data, "nats"), Listen: n.cfg.Listen, Canary: names.Canary(),
		CanarySubject: names.CanarySubject(), Log: n.cfg.Log})
	if err != nil {
		return err
	}
	n.onClose(func() error { n.nats.Shutdown(); return nil })
	return nil
}

func (n *Node) openOrchestrator(ctx context.Context) error {
	conn, err := n.connect("giro orchestrator")
	if err != nil {
		return err
	}
	db, err := outbox.Open(ctx, outbox.Config{Path: filepath.Join(n.cfg.Data, OrchestratorFile), Migrations: orchestrator.Migrations(), Shrinks: true})
	if err != nil {
		return err
	}
	n.onClose(db.Close)
	n.db = db
	n.orchestrator, err = orchestrator.New(ctx, orchestrator.Config{
		DB: db, Conn: conn, Prefix: n.cfg.Prefix, Adopt: n.cfg.Adopt, MaxOpen: n.cfg.MaxOpen, Keep: n.cfg.Keep, EventBytes: n.cfg.EventBytes, Replicas: n.cfg.Replicas, Log: n.cfg.Log, Now: n.cfg.Now, Jumped: n.cfg.Jumped, Tracer: n.cfg.Tracer,
	})
	if err != nil {
		return err
	}
	for _, def := range saga.ChildrenFirst(n.cfg.Definitions) {
		if _, err := n.orchestrator.Apply(ctx, def); err != nil {
			return err
		}
	}
	if n.nats != nil {
		n.orchestrator.AddCheck("broker", func() error {
			if check := n.nats.Health(); !check.OK {
				return errors.New(check.Detail)
			}
			return nil
		})
	}
	return nil
}

func (n *Node) openBank(ctx context.Context, branch ledger.Branch) error {
	conn, err := n.connect("giro bank " + branch.Bank)
	if err != nil {
		return err
	}
	bank, err := ledger.Open(ctx, ledger.Config{Bank: branch.Bank, Dir: n.cfg.Data, Conn: conn, Prefix: n.cfg.Prefix, Log: n.cfg.Log, Now: n.cfg.Now,
		Tracer: n.cfg.Tracer, Strategy: branch.Strategy})
	if err != nil {
		return err
	}
	n.onClose(bank.Close)
	if _, err := bank.OpenAccounts(ctx, branch.Accounts); err != nil {
		return err
	}
	n.banks = append(n.banks, bank)
	n.orchestrator.AddCheck("bank "+branch.Bank, func() error {
		if !bank.Ready() {
			return errors.New(cmp.Or(bank.Waiting(), "its commands are not read"))
		}
		return nil
	})
	return nil
}

// connect makes a connection that is closed with the node.
func (n *Node) connect(name string) (*nats.Conn, error) {
	conn, err := n.Connect(name)
	if err != nil {
		return nil, err
	}
	n.conns = append(n.conns, conn)
	return conn, nil
}

// Connect returns a connection to the broker, inside the process if that is there; the caller closes it.
func (n *Node) Connect(name string) (*nats.Conn, error) {
	if n.nats == nil {
		return n.cfg.Dial(name)
	}
	return n.nats.Connect(name)
}

// URL is the address of the node's own broker, or "" when it has none, or no port.
func (n *Node) URL() string {
	if n.nats == nil {
		return ""
	}
	return n.nats.URL()
}

// Orchestrator is the node's, for doors of the same process such as the HTTP API. It works from
// New to the end of Run.
func (n *Node) Orchestrator() *orchestrator.Orchestrator { return n.orchestrator }

// Health says whether every part does its work.
func (n *Node) Health() wire.Health { return n.orchestrator.Health() }

// Commits is how many transactions the node has committed since New, at the orchestrator and at all
// banks; each was one fsync.
func (n *Node) Commits() int64 {
	sum := n.db.Commits()
	for _, bank := range n.banks {
		sum += bank.Commits()
	}
	return sum
}

// Ready waits until the health is ok. The error is the context's, with what was still missing.
func (n *Node) Ready(ctx context.Context) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		health := n.Health()
		if health.OK() {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not ready: %v: %w", health.Checks, context.Cause(ctx))
		case <-tick.C:
		}
	}
}

// Run drives everything until the context ends, then drains: the orchestrator and the banks
// first, the broker last. It closes the node. An error says what could not go on.
func (n *Node) Run(ctx context.Context) error {
	broker, stopBroker := context.WithCancel(context.WithoutCancel(ctx))
	defer stopBroker()
	var carrier errgroup.Group
	if n.nats != nil {
		carrier.Go(func() error { return n.nats.Run(broker) })
	}
	err := n.runParts(ctx)
	n.disconnect()
	stopBroker()
	return errors.Join(err, carrier.Wait(), n.Close())
}

// runParts makes the streams, so that the banks find what they read, and runs what uses them.
func (n *Node) runParts(ctx context.Context) error {
	if err := n.orchestrator.Prepare(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	parts, ctx := errgroup.WithContext(ctx)
	parts.Go(func() error { return n.orchestrator.Run(ctx) })
	for _, bank := range n.banks {
		parts.Go(func() error { return bank.Run(ctx) })
	}
	return parts.Wait()
}

// disconnect closes the parts' connections, before the broker goes away under them.
func (n *Node) disconnect() {
	for _, conn := range n.conns {
		conn.Close()
	}
	n.conns = nil
}

// Close closes what New opened, last first. Run does it; call it only for a node that never ran.
func (n *Node) Close() error {
	n.disconnect()
	var errs []error
	for i := len(n.closers) - 1; i >= 0; i-- {
		errs = append(errs, n.closers[i]())
	}
	n.closers = nil
	return errors.Join(errs...)
}

func (n *Node) onClose(fn func() error) { n.closers = append(n.closers, fn) }
