package crash

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/girohq/giro/client"
	"github.com/girohq/giro/internal/farm"
	"github.com/girohq/giro/internal/jet"
	"github.com/girohq/giro/internal/pgserver"
	"github.com/girohq/giro/internal/pgtest"
	"github.com/girohq/giro/participants/ledger"
	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"
)

var giro string // the binary under test

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

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

// newProcess describes one that keeps what it says.
func newProcess(name string, args ...string) *process {
	p := &process{}
	p.Process = &farm.Process{Name: name, Args: append([]string{giro}, args...), Output: &p.said}
	return p
}

// newBroker is a NATS of its own.
func newBroker(store, address string) *process {
	return newProcess("nats", "torture", "broker", "--data", store, "--listen", address)
}

// process is a real process of giro.
type process struct {
	*farm.Process
	said lastWords
}

// lastWords is the end of what was written.
type lastWords struct {
	mu   sync.Mutex
	text []byte
}

func (w *lastWords) Write(b []byte) (int, error) {
	const most = 8 << 10
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text = append(w.text, b...)
	w.text = w.text[max(0, len(w.text)-most):]
	return len(b), nil
}

func (w *lastWords) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return string(w.text)
}

// again kills a process and starts it.
func (p *process) again(t testing.TB) {
	t.Helper()
	p.Kill()
	p.start(t)
}

func (p *process) start(t testing.TB) {
	t.Helper()
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
}

// system is a set of processes over one directory that together are Giro.
type system struct {
	dir       string
	url       string
	store     string // the broker's store, which may be deleted while broker is dead
	broker    *process
	processes []*process
	postgres  *pgserver.Server // of bank B; nil: it has a file
	databases []string         // for the audit; nil: those in dir
}

// newDev is everything in one process.
func newDev(t testing.TB) *system {
	dir := t.TempDir()
	addr := freeAddress(t)
	dev := newProcess("dev", "dev", "--data", dir, "--nats", addr, "--http", "none", "--accounts", accountsFile(t))
	return (&system{dir: dir, url: "nats://" + addr, store: filepath.Join(dir, "nats"), broker: dev, processes: []*process{dev}}).start(t)
}

// newPostgres is as newSplit, with bank B on a Postgres of its own.
func newPostgres(t testing.TB) *system {
	server := pgtest.NewServer(t)
	f := newFarm(t, "--postgres", server.DSN(), "--strategy", "optimistic")
	f.postgres = server
	f.databases = []string{filepath.Join(f.dir, "orchestrator.db"), filepath.Join(f.dir, ledger.FileName("A")),
		pgtest.WithSchema(server.DSN(), ledger.SchemaName("B"))}
	return f.start(t)
}

// newSplit is a broker, an orchestrator and two banks, each a process of its own.
func newSplit(t testing.TB) *system { return newFarm(t).start(t) }

// newFarm is a split farm that is not started yet; bank B gets more arguments.
func newFarm(t testing.TB, more ...string) *system {
	dir, store := t.TempDir(), filepath.Join(t.TempDir(), "nats")
	addr, accounts := freeAddress(t), accountsFile(t)
	url := "nats://" + addr
	broker := newBroker(store, addr)
	bank := func(name string, more ...string) *process {
		return newProcess("bank "+name, append([]string{"participant", "ledger", "--bank", name, "--data", dir, "--accounts", accounts, "--server", url}, more...)...)
	}
	serve := newProcess("orchestrator", "serve", "--data", dir, "--server", url)
	return &system{dir: dir, url: url, store: store, broker: broker, processes: []*process{broker, serve, bank("A"), bank("B", more...)}}
}

func (f *system) start(t testing.TB) *system {
	t.Helper()
	for _, p := range f.processes {
		p.start(t)
	}
	t.Cleanup(func() {
		for _, p := range f.processes {
			p.Kill()
			for _, death := range p.Deaths() {
				t.Errorf("%s ended by itself: %s", death.Name, death.How)
			}
			if t.Failed() {
				t.Logf("--- %s\n%s", p.Name, p.said.String())
			}
		}
	})
	return f
}

func (f *system) client(t testing.TB) *client.Client {
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
func (f *system) audit(t testing.TB) {
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
func (f *system) healthy(t testing.TB, ctx context.Context, c *client.Client) {
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
