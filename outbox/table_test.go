package outbox

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// shelf is a table in somebody else's database.
type shelf struct {
	mu     sync.Mutex
	rows   map[string]Message
	broken error
}

func (s *shelf) Read(_ context.Context, key string) (*Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, ok := s.rows[key]
	if s.broken == nil && !ok {
		return nil, ErrNoRow
	}
	return &m, s.broken
}

// A relay over a table sends what it is told of, reads again what it repeats, backs off while the table
// cannot be read, and forgets what is gone.
func TestTheRelayOfATable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := &shelf{rows: map[string]Message{"kept": message("kept", 1), "untold": message("untold", 1)}}
		b := &rig{t: t, broker: &broker{answer: away}}
		b.Relay = NewRelay(RelayConfig{Table: table, Publisher: b.broker, Rand: func() float64 { return 0 }})
		b.run()
		b.Committed([]Message{message("kept", 1), message("gone", 1)}, nil)
		synctest.Wait()
		b.wantIDs("kept/1.0.1", "gone/1.0.2")
		b.pass(time.Second + time.Millisecond) // gone is not in the table
		b.wantIDs("kept/1.0.1", "gone/1.0.2", "kept/1.0.1")
		if _, known := b.State("gone"); known || b.Depth() != 1 {
			t.Fatalf("depth %d", b.Depth())
		}
		table.mu.Lock()
		table.broken = errors.New("busy")
		table.mu.Unlock()
		b.pass(3 * time.Second)
		b.wantIDs("kept/1.0.1", "gone/1.0.2", "kept/1.0.1")
		table.mu.Lock()
		table.broken = nil
		table.mu.Unlock()
		b.pass(4 * time.Second)
		b.wantIDs("kept/1.0.1", "gone/1.0.2", "kept/1.0.1", "kept/1.0.1")
	})
}
