package orchestrator

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/outbox"
)

// measured feeds a room with the same flow for some seconds and says what it answers then.
func measured(waiting int, rate uint64) int {
	r := newRoom(10, 0)
	for n := range uint64(60) {
		r.measure(map[string]outbox.Queue{"bank": {Waiting: waiting, Answered: n * rate / 4}}, measureEvery)
	}
	var problem *wire.Problem
	if errors.As(r.behind("bank"), &problem) {
		return problem.RetryAfter
	}
	return 0
}

// TestBehind holds that a participant is behind by the time that its queue takes, not by its length; and that
// one which answers nothing is away and turns nobody away.
func TestBehind(t *testing.T) {
	for name, c := range map[string]struct {
		waiting int
		rate    uint64
		seconds int
	}{
		"idle":               {0, 0, 0},
		"read ahead":         {standing, 40, 0},
		"long, but it moves": {standing * 4, 40_000, 0},
		"behind":             {19_000, 4_000, 3},
		"far behind":         {100_000, 400, longestRetry},
		"away":               {100_000, 0, 0},
	} {
		if got := measured(c.waiting, c.rate); got != c.seconds {
			t.Errorf("%s: retry after %d s, want %d", name, got, c.seconds)
		}
	}
}

// TestWaitForRoom holds that a start by message waits until a saga has ended.
func TestWaitForRoom(t *testing.T) {
	r := newRoom(1, 0)
	if err := r.wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.moved(1, 0)
	ended := make(chan error, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	go func() { ended <- r.wait(ctx) }()
	select {
	case err := <-ended:
		t.Fatalf("it did not wait: %v", err)
	case <-time.After(20 * time.Millisecond):
	}
	r.moved(0, 1)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}

// TestLate holds that starts are turned away at the door by the time that those before them need; and that a
// loop which has had nothing to do yet takes a burst.
func TestLate(t *testing.T) {
	r := newRoom(10, 0)
	for waiting, refused := range map[int]bool{0: false, shortQueue - 1: false, shortQueue: true} {
		if err := r.late(waiting); (err != nil) != refused {
			t.Errorf("idle, %d wait: %v", waiting, err)
		}
	}
	for n := range uint64(40) {
		r.pace(n*5000, measureEvery) // 20,000 a second
	}
	for waiting, refused := range map[int]bool{9_000: false, 10_100: true} {
		if err := r.late(waiting); (err != nil) != refused {
			t.Errorf("busy, %d wait: %v", waiting, err)
		}
	}
}
