package crash

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/girohq/giro/client"
	"github.com/girohq/giro/embedded"
	"github.com/girohq/giro/internal/jet"
	"github.com/girohq/giro/internal/pgserver"
	"github.com/girohq/giro/internal/pgtest"
	"github.com/girohq/giro/participants/ledger"
	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"
)

// roleNATS makes the test binary a broker of its own: there is no separate server to install.
const roleNATS = "GIRO_CRASH_NATS"

var giro string // the binary under test

func TestMain(m *testing.M) {
	if dir := os.Getenv(roleNATS); dir != "" {
		os.Exit(runNATS(dir, os.Args[1]))
	}
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "giro-crash")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	giro = filepath.Join(dir, "giro")
	if out, err := exec.Command("go", "build", "-o", giro, "github.com/girohq/giro/cmd/giro").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%s%v\n", out, err)
		return 1
	}
	return m.Run()
}

func runNATS(dir, listen string) int {
	server, err := embedded.StartNATS(embedded.NATSConfig{Dir: dir, Listen: listen, Log: zerolog.New(os.Stderr)})
	if err == nil {
		err = server.Run(context.Background())
	}
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// farm is a set of processes over one directory that together are Giro.
type farm struct {
	dir       string
	url       string
	store     string // the broker's store, which may be deleted while broker is dead
	broker    *process
	processes []*process
	postgres  *pgserver.Server // of bank B; nil: it has a file
	databases []string         // for the audit; nil: those in dir
}

// newDev is everything in one process.
func newDev(t testing.TB) *farm {
	dir := t.TempDir()
	addr := freeAddress(t)
	dev := &process{name: "dev", args: []string{giro, "dev", "--data", dir, "--nats", addr, "--http", "none", "--accounts", accountsFile(t)}}
	return (&farm{dir: dir, url: "nats://" + addr, store: filepath.Join(dir, "nats"), broker: dev, processes: []*process{dev}}).start(t)
}

// newPostgres is as newSplit, with bank B on a Postgres of its own.
func newPostgres(t testing.TB) *farm {
	server := pgtest.NewServer(t)
	f := newFarm(t, "--postgres", server.DSN(), "--strategy", "optimistic")
	f.postgres = server
	f.databases = []string{filepath.Join(f.dir, "orchestrator.db"), filepath.Join(f.dir, ledger.FileName("A")),
		pgtest.WithSchema(server.DSN(), ledger.SchemaName("B"))}
	return f.start(t)
}

// newSplit is a broker, an orchestrator and two banks, each a process of its own.
func newSplit(t testing.TB) *farm { return newFarm(t).start(t) }

// newFarm is a split farm that is not started yet; bank B gets more arguments.
func newFarm(t testing.TB, more ...string) *farm {
	dir, store := t.TempDir(), filepath.Join(t.TempDir(), "nats")
	addr, accounts := freeAddress(t), accountsFile(t)
	url := "nats://" + addr
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	broker := &process{name: "nats", args: []string{self, addr}, env: []string{roleNATS + "=" + store}}
	bank := func(name string, more ...string) *process {
		args := []string{giro, "participant", "ledger", "--bank", name, "--data", dir, "--accounts", accounts, "--server", url}
		return &process{name: "bank " + name, args: append(args, more...)}
	}
	serve := &process{name: "orchestrator", args: []string{giro, "serve", "--data", dir, "--server", url}}
	return &farm{dir: dir, url: url, store: store, broker: broker, processes: []*process{broker, serve, bank("A"), bank("B", more...)}}
}

func (f *farm) start(t testing.TB) *farm {
	t.Helper()
	for _, p := range f.processes {
		p.start(t)
	}
	t.Cleanup(func() {
		for _, p := range f.processes {
			p.kill(t)
			if t.Failed() {
				t.Log(p.output())
			}
		}
	})
	return f
}

func (f *farm) client(t testing.TB) *client.Client {
	t.Helper()
	conn, err := nats.Connect(f.url, jet.Options("crash test", true, zerolog.Nop())...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	c, err := client.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// audit runs the audit over the databases of the farm and fails the test on any violation.
func (f *farm) audit(t testing.TB) {
	t.Helper()
	args := []string{"audit", "-o", "json"}
	if f.databases == nil {
		args = append(args, "--data", f.dir)
	}
	for _, db := range f.databases {
		args = append(args, "--db", db)
	}
	out, err := exec.Command(giro, args...).CombinedOutput()
	if err != nil || !strings.Contains(string(out), `"ok":true`) && !strings.Contains(string(out), `"ok": true`) {
		t.Errorf("audit: %v\n%.4000s", err, out)
	}
}

const (
	accounts = 50
	opening  = 100_000 // minor units in each account of bank A
)

// accountsFile names two banks; bank A can pay, bank B receives.
func accountsFile(t testing.TB) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("bank,account,currency,balance\n")
	for i := range accounts {
		fmt.Fprintf(&b, "A,%d,EUR,%d.00\nB,%d,EUR,0\n", i, opening/100, i)
	}
	name := filepath.Join(t.TempDir(), "accounts.csv")
	if err := os.WriteFile(name, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// healthy waits until the farm answers that all is well.
func (f *farm) healthy(t testing.TB, ctx context.Context, c *client.Client) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if h, err := c.Health(ctx); err == nil && h.OK() {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatal("the farm is not healthy in time")
		case <-tick.C:
		}
	}
}
