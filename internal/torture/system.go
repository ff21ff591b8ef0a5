package torture

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/girohq/giro/client"
	"github.com/girohq/giro/internal/farm"
	"github.com/girohq/giro/internal/jet"
	"github.com/girohq/giro/internal/wire"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
)

// system is the installation that is tortured: real processes over one directory.
type system struct {
	dir          string
	address      string // of the broker
	url          string // at which customers find it
	broker       *farm.Process
	orchestrator *farm.Process
	banks        []*farm.Process
	links        []*link // between each of them and the broker; none if no fault needs them
	names        wire.Names
	book         *book

	conn   *nats.Conn // of whoever asks and strikes
	client *client.Client
	js     jetstream.JetStream
	probes int
}

const (
	customers = "customers"
	// keep is how long a finished saga stays whole: longer than a clock jumps ahead, a bank's copy is old and a
	// recovery takes, and short enough that most sagas of a long run are archived while it goes on.
	keep = "90s"
	// restartAfter is when a supervisor starts a process again that has ended by itself.
	restartAfter = 250 * time.Millisecond
	// wellWithin bounds the time until all is well after a fault.
	wellWithin = 90 * time.Second
	// endWithin bounds how long a process may take to end when it is asked to.
	endWithin = 30 * time.Second
)

func (s *system) data() string  { return filepath.Join(s.dir, "data") }
func (s *system) store() string { return filepath.Join(s.dir, "broker") }

// newSystem lays out the directory and describes the processes.
func newSystem(cfg Config, b *book, linked bool) (s *system, err error) {
	s = &system{dir: cfg.Dir, book: b}
	for _, sub := range []string{"data", "logs", "definitions", "clocks"} {
		if err := os.MkdirAll(filepath.Join(cfg.Dir, sub), 0o750); err != nil {
			return nil, err
		}
	}
	definitions, accounts := filepath.Join(cfg.Dir, "definitions"), filepath.Join(cfg.Dir, "accounts.csv")
	err = errors.Join(os.WriteFile(filepath.Join(definitions, hasty+".yaml"), []byte(hastyDefinition), 0o600),
		os.WriteFile(accounts, []byte(accountsFile(cfg.Banks)), 0o600))
	if err != nil {
		return nil, err
	}
	if s.names, err = wire.New(""); err != nil {
		return nil, err
	}
	if s.address, err = freeAddress(); err != nil {
		return nil, err
	}
	return s, s.describe(cfg, definitions, accounts, linked)
}

// describe makes the processes; none is started.
func (s *system) describe(cfg Config, definitions, accounts string, linked bool) error {
	names := []string{customers, "orchestrator"}
	for i := range cfg.Banks {
		names = append(names, bankName(i))
	}
	urls := make(map[string]string, len(names))
	for _, name := range names {
		urls[name] = "nats://" + s.address
		if !linked {
			continue
		}
		l, err := newLink(name, s.address)
		if err != nil {
			return err
		}
		s.links, urls[name] = append(s.links, l), l.url()
	}
	s.url = urls[customers]
	s.broker = s.process("broker", cfg.Binary, "torture", "broker", "--data", s.store(), "--listen", s.address)
	s.orchestrator = s.clocked("orchestrator", cfg.Binary, "serve", "--data", s.data(), "--definitions", definitions, "--keep", keep, "--server", urls["orchestrator"])
	for _, name := range names[2:] {
		s.banks = append(s.banks, s.clocked("bank "+name, cfg.Binary, "participant", "ledger", "--bank", name, "--data", s.data(),
			"--accounts", accounts, "--server", urls[name]))
	}
	return nil
}

// process describes one. Its stderr goes to a file of its own.
func (s *system) process(name string, args ...string) *farm.Process {
	return &farm.Process{Name: name, Args: args, Again: restartAfter,
		Output: appender(s.log(name))}
}

// log is the file of what a process says.
func (s *system) log(name string) string {
	return filepath.Join(s.dir, "logs", strings.ReplaceAll(name, " ", "-")+".log")
}

// appender appends to a file that it opens for each write: as many processes as there are lives share it.
type appender string

func (a appender) Write(b []byte) (int, error) {
	f, err := os.OpenFile(string(a), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, err
	}
	n, err := f.Write(b)
	return n, errors.Join(err, f.Close())
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

func (s *system) all() []*farm.Process {
	return append([]*farm.Process{s.broker, s.orchestrator}, s.banks...)
}

// start begins every process that does not run.
func (s *system) start() error {
	for _, p := range s.all() {
		if err := p.Start(); err != nil && !errors.Is(err, farm.ErrRuns) {
			return err
		}
	}
	return nil
}

// connect makes the connection of customers and faults. It may be made before the broker is up.
func (s *system) connect() (err error) {
	if s.conn, err = nats.Connect(s.url, jet.Options("giro torture", true, zerolog.Nop())...); err != nil {
		return err
	}
	if s.client, err = client.New(s.conn); err != nil {
		return err
	}
	s.js, err = jetstream.New(s.conn)
	return err
}

// well waits until all processes run, the orchestrator says that it is well, and new transfers between the
// banks come to their ends. It returns how long the health took, and how long all did.
func (s *system) well(ctx context.Context) (healthy, all time.Duration, err error) {
	began := time.Now()
	if err := s.start(); err != nil {
		return 0, 0, err
	}
	limited, cancel := context.WithTimeout(ctx, wellWithin)
	defer cancel()
	err = s.healthy(limited)
	healthy = time.Since(began)
	for i := range s.banks {
		if err == nil {
			err = s.probe(limited, i)
		}
	}
	if ctx.Err() != nil {
		return 0, 0, context.Cause(ctx)
	}
	if err != nil {
		return 0, 0, fmt.Errorf("not well within %s: %w", wellWithin, err)
	}
	return healthy, time.Since(began), nil
}

func (s *system) healthy(ctx context.Context) error {
	last := errors.New("nobody answered")
	for {
		try, cancel := context.WithTimeout(ctx, time.Second)
		h, err := s.client.Health(try)
		cancel()
		switch {
		case err == nil && h.OK():
			return nil
		case err == nil:
			last = fmt.Errorf("health is %s: %v", h.Status, h.Checks)
		case ctx.Err() == nil:
			last = err
		}
		if !rest(ctx, 50*time.Millisecond) {
			return last
		}
	}
}

// probe moves a cent from a bank to the next one.
func (s *system) probe(ctx context.Context, bank int) error {
	c, t, begun := s.begin(ctx, "transfer", bank)
	if !begun || !c.follow(ctx, t, wellWithin) {
		return fmt.Errorf("transfer %s from bank %s did not end: %s", t.ID, bankName(bank), t.State)
	}
	return nil
}

// hurry begins hasty transfers from a bank. Whether they end is asked with all others.
func (s *system) hurry(ctx context.Context, bank int) {
	for range hastyProbes {
		s.begin(ctx, hasty, bank)
	}
}

const hastyProbes = 3

// begin begins a transfer of a cent from a bank, and says whether it was accepted.
func (s *system) begin(ctx context.Context, sagaType string, bank int) (*customer, *transfer, bool) {
	s.probes++
	t := s.book.add(probeTransfer(s.probes, sagaType, bank, len(s.banks)))
	c := &customer{name: "probe", book: s.book, client: s.client}
	return c, t, c.insist(ctx, t, nil)
}

// stop ends all processes as a person would, those that carry last. What does not end is killed.
func (s *system) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), endWithin)
	defer cancel()
	var errs []error
	for _, p := range append(append([]*farm.Process{s.orchestrator}, s.banks...), s.broker) {
		if err := p.End(ctx, syscall.SIGTERM); ctx.Err() != nil {
			errs = append(errs, err)
		}
	}
	s.kill()
	return errors.Join(errs...)
}

// kill ends everything at once.
func (s *system) kill() {
	if s.conn != nil {
		s.conn.Close()
	}
	for _, p := range s.all() {
		p.Kill()
	}
	for _, l := range s.links {
		l.close()
	}
}

// deaths are the processes that ended by themselves.
func (s *system) deaths() []farm.Death {
	var all []farm.Death
	for _, p := range s.all() {
		all = append(all, p.Deaths()...)
	}
	return all
}

// rest waits, and says false when ctx ended meanwhile.
func rest(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
