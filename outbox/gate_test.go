package outbox

import (
	"context"
	"path/filepath"
	"sync"
	"testing"
)

// gated is a worker that lets odd numbers pass.
type gated struct {
	mu     sync.Mutex
	inside bool
	done   []int
	wrong  string
	over   func()
}

func (g *gated) Begin() {}

func (g *gated) Enter(items []int) []int {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.inside {
		g.wrong = "entered twice"
	}
	g.inside = true
	in := items[:0]
	for _, n := range items {
		if n%2 == 1 {
			in = append(in, n)
		}
	}
	return in
}

func (g *gated) Leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside = false
}

func (g *gated) Apply(Tx, int) error { return nil }

func (g *gated) Committed(items []int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.inside {
		g.wrong = "left before it was told of the commit"
	}
	if g.done = append(g.done, items...); len(g.done) == 5 {
		g.over()
	}
}

func (g *gated) Failed(int, error) {}

// TestGate holds that a loop enters before each batch and leaves after its commit, and that who does
// not enter is not in the transaction.
func TestGate(t *testing.T) {
	db, err := Open(t.Context(), Config{Path: filepath.Join(t.TempDir(), "g.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ctx, stop := context.WithCancel(t.Context())
	g := &gated{over: stop}
	l := NewLoop[int](db, g, 16)
	for n := range 10 {
		if err := l.Submit(ctx, n); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if g.wrong != "" || g.inside || len(g.done) != 5 {
		t.Errorf("%q, inside at the end: %v, done %v", g.wrong, g.inside, g.done)
	}
}
