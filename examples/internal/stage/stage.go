package stage

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/girohq/giro/client"
	"github.com/girohq/giro/embedded"
	"github.com/girohq/giro/participants/ledger"
	"github.com/girohq/giro/saga"
	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"
)

// patience bounds every wait.
const patience = 30 * time.Second

// Config says what stands on a stage. The built-in definition "transfer" always does.
type Config struct {
	Definitions  []string // files
	Participants []Participant
	Banks        []ledger.Branch
	Begin        time.Time // what the clock says first; zero: the time that it is
}

// Stage is all of Giro in this process, with the participants of an example. Its methods end the
// test when something is not as it must be.
type Stage struct {
	testing.TB
	Client *client.Client

	cfg     Config
	dir     string
	log     zerolog.Logger
	clock   *clock
	node    *embedded.Node
	conn    *nats.Conn
	endNode func()
	actors  map[string]*actor
}

// New brings everything up, and takes it down when the test ends.
func New(t testing.TB, cfg Config) *Stage {
	t.Helper()
	s := &Stage{TB: t, cfg: cfg, dir: t.TempDir(), clock: newClock(cfg.Begin), actors: map[string]*actor{},
		log: zerolog.New(zerolog.NewTestWriter(t)).Level(zerolog.WarnLevel)}
	t.Cleanup(s.down)
	s.up()
	return s
}

func (s *Stage) up() {
	s.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	node, err := embedded.New(ctx, embedded.Config{Data: s.dir, Banks: s.cfg.Banks, Definitions: s.definitions(),
		Now: s.clock.now, Jumped: s.clock.jumped, Log: s.log})
	if err != nil {
		cancel()
		s.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- node.Run(ctx) }()
	s.node, s.endNode = node, func() {
		cancel()
		if err := <-ended; err != nil {
			s.Error("node:", err)
		}
	}
	s.must(node.Ready(s.within()))
	s.conn, err = node.Connect("stage")
	s.must(err)
	s.Client, err = client.New(s.conn)
	s.must(err)
	for _, p := range s.cfg.Participants {
		s.Resume(p.Name)
	}
}

func (s *Stage) definitions() (all []*saga.Definition) {
	for _, file := range s.cfg.Definitions {
		source, err := os.ReadFile(file)
		s.must(err)
		def, err := saga.Parse(file, source)
		s.must(err)
		all = append(all, def)
	}
	return all
}

// down stops everything that runs, the participants at once and first.
func (s *Stage) down() {
	var all sync.WaitGroup
	for _, a := range s.actors {
		all.Go(func() { a.halt(s) })
	}
	all.Wait()
	clear(s.actors)
	if s.conn != nil {
		s.conn.Close()
	}
	if s.endNode != nil {
		s.endNode()
	}
	s.conn, s.endNode = nil, nil
}

// Start starts a saga. Input is JSON, or is marshalled.
func (s *Stage) Start(sagaType, id string, input any, opts ...client.StartOption) saga.Document {
	s.Helper()
	doc, err := s.Client.Start(s.within(), sagaType, id, bytesOf(input), opts...)
	s.must(err)
	return doc
}

// Signal gives a saga a signal. Data is JSON, or is marshalled.
func (s *Stage) Signal(id, name string, data any) saga.Document {
	s.Helper()
	doc, err := s.Client.Signal(s.within(), id, name, bytesOf(data))
	s.must(err)
	return doc
}

func bytesOf(v any) any {
	if text, ok := v.(string); ok {
		return []byte(text)
	}
	return v
}

// Run starts a saga and waits until it is in that state.
func (s *Stage) Run(sagaType, id string, input any, state saga.State) saga.Document {
	s.Helper()
	s.Start(sagaType, id, input)
	return s.Reaches(id, state)
}

// Get returns a saga as it is now.
func (s *Stage) Get(id string) saga.Document {
	s.Helper()
	doc, err := s.Client.Get(s.within(), id)
	s.must(err)
	return doc
}

// Reaches waits until a saga is in that state.
func (s *Stage) Reaches(id string, state saga.State) saga.Document {
	s.Helper()
	var doc saga.Document
	s.Eventually(id+" is "+string(state), func() bool {
		if doc = s.Get(id); doc.State.Terminal() && doc.State != state {
			s.Fatalf("%s is %s, not %s: %+v", id, doc.State, state, doc.Cause)
		}
		return doc.State == state
	})
	return doc
}

// Step returns what became of a step.
func (s *Stage) Step(doc saga.Document, id string) saga.StepDocument {
	s.Helper()
	for _, step := range doc.Steps {
		if step.ID == id {
			return step
		}
	}
	s.Fatalf("%s has no step %s: %+v", doc.ID, id, doc.Steps)
	return saga.StepDocument{}
}

// Eventually polls until a condition holds.
func (s *Stage) Eventually(what string, holds func() bool) {
	s.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-deadline.C:
			s.Fatalf("never: %s", what)
		case <-tick.C:
		}
	}
}

// Now is the virtual time.
func (s *Stage) Now() time.Time { return s.clock.now() }

// Jump lets that much time pass at once. The attempts of a command that is out are not part of it:
// their timeouts run with the system's clock.
func (s *Stage) Jump(d time.Duration) {
	s.Helper()
	s.clock.forward(d)
	select {
	case s.clock.jumped <- struct{}{}:
	case <-time.After(patience):
		s.Fatal("nobody looks at the clock")
	}
}

// Shows reads from the database of a participant or bank: columns are parted by a blank, rows by a
// comma, and NULL is -.
func (s *Stage) Shows(participant, query, want string) {
	s.Helper()
	file := participant + ".db"
	if s.bank(participant) {
		file = ledger.FileName(participant)
	}
	shows(s, filepath.Join(s.dir, file), query, want)
}

func (s *Stage) bank(name string) bool {
	for _, b := range s.cfg.Banks {
		if b.Bank == name {
			return true
		}
	}
	return false
}

// within is a context that ends with the test, or when patience does.
func (s *Stage) within() context.Context {
	ctx, cancel := context.WithTimeout(s.Context(), patience)
	s.Cleanup(cancel)
	return ctx
}

func (s *Stage) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}
