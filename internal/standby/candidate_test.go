package standby

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/girohq/giro/coordination"
	"github.com/girohq/giro/embedded"
	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/outbox"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"
)

// patience is how long a test waits for what must happen.
const patience = time.Minute

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// stand is a store and the broker that its candidates share.
type stand struct {
	conn  *nats.Conn
	path  string
	runs  atomic.Int32 // how often it was opened
	leads atomic.Int32 // how many have it open
}

func newStand(t *testing.T) *stand {
	t.Helper()
	b, err := embedded.StartNATS(embedded.NATSConfig{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Shutdown)
	conn, err := b.Connect("test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return &stand{conn: conn, path: filepath.Join(t.TempDir(), "x.db")}
}

func (s *stand) open(ctx context.Context) (*outbox.DB, error) {
	return outbox.Open(ctx, outbox.Config{Path: s.path})
}

// run runs a candidate until it is stopped. fail makes what it leads end by itself.
func (s *stand) run(t *testing.T, fail <-chan error) (c *Candidate, stop func() error) {
	t.Helper()
	c, err := New(Config{Conn: s.conn, Of: "x", Path: s.path, TTL: 3 * time.Second, Log: zerolog.Nop(), Create: func(ctx context.Context) error {
		db, err := s.open(ctx)
		if err != nil {
			return err
		}
		return db.Close()
	}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx, s.lead(t, fail)) }()
	stop = func() error {
		cancel()
		select {
		case err := <-ended:
			ended <- err
			return err
		case <-time.After(patience):
			return errors.New("it does not end")
		}
	}
	t.Cleanup(func() { _ = stop() })
	return c, stop
}

func (s *stand) lead(t *testing.T, fail <-chan error) Open {
	return func(ctx context.Context) (func(context.Context) error, error) {
		db, err := s.open(ctx)
		if err != nil {
			return nil, err
		}
		s.runs.Add(1)
		return func(ctx context.Context) error {
			if s.leads.Add(1) != 1 {
				t.Error("two lead")
			}
			defer s.leads.Add(-1)
			select {
			case <-ctx.Done():
			case err = <-fail:
			}
			return errors.Join(err, db.Close())
		}, nil
	}
}

// becomes waits until a candidate has a role in a term after one, and says so to whoever asks.
func becomes(t *testing.T, c *Candidate, role string, after uint64) wire.Candidacy {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(patience); ; {
		now := c.Candidacy()
		if now.Role == role && (role == wire.RoleStandby || now.Term > after) {
			return now
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("it never is %s after term %d: %+v", role, after, now)
		}
	}
}

// Whoever leaves in order is replaced; nobody leads beside another.
func TestTakeover(t *testing.T) {
	s := newStand(t)
	first, stopFirst := s.run(t, nil)
	led := becomes(t, first, wire.RoleLeader, 0)
	second, stopSecond := s.run(t, nil)
	if err := stopFirst(); err != nil {
		t.Error(err)
	}
	becomes(t, second, wire.RoleLeader, led.Term)
	if err := stopSecond(); err != nil || s.leads.Load() != 0 || s.runs.Load() != 2 {
		t.Errorf("%v, %d lead, %d led", err, s.leads.Load(), s.runs.Load())
	}
}

// The broker's loss costs the leader its term and nothing else: it has the data, and leads on.
func TestLeadsOnWithoutTheBroker(t *testing.T) {
	s := newStand(t)
	c, _ := s.run(t, nil)
	led := becomes(t, c, wire.RoleLeader, 0)
	js, err := jetstream.New(s.conn)
	if err != nil {
		t.Fatal(err)
	}
	if err := js.DeleteStream(t.Context(), "KV_SAGA_LEADERS"); err != nil {
		t.Fatal(err)
	}
	becomes(t, c, wire.RoleLeader, led.Term)
	if s.runs.Load() != 1 || s.leads.Load() != 1 {
		t.Errorf("it was begun %d times", s.runs.Load())
	}
}

// Who is elected while another process has the data waits for it, and says who has it.
func TestFileLockDecides(t *testing.T) {
	s := newStand(t)
	db, err := s.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c, _ := s.run(t, nil)
	if now := becomes(t, c, wire.RoleElected, 0); !strings.Contains(now.Detail, "is held by process") || s.runs.Load() != 0 {
		t.Errorf("%+v", now)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	becomes(t, c, wire.RoleLeader, 0)
}

// A leader whose term another has won ends what it leads, and stands by until it is elected again.
func TestYields(t *testing.T) {
	s := newStand(t)
	c, _ := s.run(t, nil)
	led := becomes(t, c, wire.RoleLeader, 0)
	other := s.usurp(t)
	becomes(t, c, wire.RoleStandby, 0)
	if other.Token().Number <= led.Term {
		t.Errorf("term %d after %d", other.Token().Number, led.Term)
	}
	for s.leads.Load() != 0 {
		becomes(t, c, wire.RoleStandby, 0)
	}
	if err := other.Release(t.Context()); err != nil {
		t.Error(err)
	}
	becomes(t, c, wire.RoleLeader, other.Token().Number)
	if s.runs.Load() != 2 {
		t.Errorf("it was begun %d times", s.runs.Load())
	}
}

// usurp takes the term from whoever leads: the record is deleted, and the first to write it again wins.
func (s *stand) usurp(t *testing.T) *coordination.Held {
	t.Helper()
	js, err := jetstream.New(s.conn)
	if err != nil {
		t.Fatal(err)
	}
	name, err := outbox.ReadStoreID(t.Context(), s.path)
	if err != nil {
		t.Fatal(err)
	}
	locks, err := coordination.OpenLocks(t.Context(), coordination.Config{JetStream: js, Bucket: "SAGA_LEADERS"})
	if err != nil {
		t.Fatal(err)
	}
	for {
		if err := js.DeleteStream(t.Context(), "KV_SAGA_LEADERS"); err != nil {
			t.Fatal(err)
		}
		held, err := locks.TryAcquire(t.Context(), name)
		if err == nil {
			return held
		}
		if !errors.Is(err, coordination.ErrHeld) {
			t.Fatal(err)
		}
	}
}

// What is led ends by itself: so does the candidate, with the reason.
func TestLedFails(t *testing.T) {
	s := newStand(t)
	fail, broken := make(chan error, 1), errors.New("broken")
	c, stop := s.run(t, fail)
	becomes(t, c, wire.RoleLeader, 0)
	fail <- broken
	if err := stop(); !errors.Is(err, broken) {
		t.Errorf("it ended with %v", err)
	}
}

func TestConfig(t *testing.T) {
	if _, err := New(Config{}); err == nil {
		t.Error("nothing is led, and nobody minds")
	}
	s := newStand(t)
	c, err := New(Config{Conn: s.conn, Of: "x", Path: s.path, Create: func(context.Context) error { return errors.New("no disk") }})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Run(t.Context(), s.lead(t, nil)); err == nil || err.Error() != "no disk" {
		t.Errorf("a database that cannot be made: %v", err)
	}
}
