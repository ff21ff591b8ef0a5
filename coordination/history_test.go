package coordination

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// history collects what clients asked and were answered, as porcupine takes it.
type history struct {
	began time.Time
	mu    sync.Mutex
	ops   []porcupine.Operation
}

// record runs one operation. An answer that is not known may take effect at any time later.
func (h *history) record(client int, in any, op func() (out any, known bool)) {
	call := int64(time.Since(h.began))
	out, known := op()
	returned := int64(time.Since(h.began))
	if !known {
		returned = int64(24 * time.Hour)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ops = append(h.ops, porcupine.Operation{ClientId: client, Input: in, Call: call, Output: out, Return: returned})
}

func (h *history) check(t *testing.T, model porcupine.Model) {
	t.Helper()
	if got := porcupine.CheckOperationsTimeout(model, h.ops, time.Minute); got != porcupine.Ok {
		t.Errorf("%d operations are %s", len(h.ops), got)
	}
	unknown := 0
	for _, op := range h.ops {
		if op.Return == int64(24*time.Hour) {
			unknown++
		}
	}
	t.Logf("%d operations, %d of them without an answer", len(h.ops), unknown)
}

// broken models must be refused, or the check proves nothing.
func (h *history) refuted(t *testing.T, model porcupine.Model) {
	t.Helper()
	if got := porcupine.CheckOperationsTimeout(model, h.ops, time.Minute); got != porcupine.Illegal {
		t.Errorf("a history that is wrong is %s", got)
	}
}

// lockIn and lockOut: take the lock, or release it under a token.
type lockIn struct{ release uint64 }

type lockOut struct {
	token uint64 // taken
	held  bool   // it was somebody else's
}

// lockState is the whole lock: who has it, and the greatest token so far.
type lockState struct{ holder, highest uint64 }

// lockModel: only a free lock is taken, only a held one refused, and tokens grow. Every operation
// has an answer here: the calls ask until they know.
var lockModel = porcupine.Model{
	Init: func() any { return lockState{} },
	Step: func(state, input, output any) (bool, any) {
		s, in, out := state.(lockState), input.(lockIn), output.(lockOut)
		switch {
		case in.release != 0:
			return s.holder == in.release, lockState{0, s.highest}
		case out.held:
			return s.holder != 0, s
		}
		return s.holder == 0 && out.token > s.highest, lockState{out.token, out.token}
	},
}

// TestLockHistory takes and releases one lock from many clients that lose answers. On three servers the leader is
// taken away in the middle.
func TestLockHistory(t *testing.T) {
	onEach(t, func(t *testing.T, c *servers, replicas int) {
		h := &history{began: time.Now()}
		const clients, each = 6, 40
		half := make(chan struct{}, clients*each)
		var all sync.WaitGroup
		for client := range clients {
			l := c.locks(Config{Replicas: replicas, TTL: maxTTL, Wait: time.Minute})
			l.patience = time.Minute // an election takes its time on a busy machine
			l.bucket.js = deaf{l.bucket.js, oneInFive}
			all.Go(func() {
				for range each {
					lockOnce(t, h, client, l)
					half <- struct{}{}
				}
			})
		}
		loseAServer(c, replicas, "KV_locks", half, clients*each/3)
		all.Wait()
		h.check(t, lockModel)
		h.ops = append(h.ops, twoHolders(h)...)
		h.refuted(t, lockModel)
	})
}

// lockOnce tries or waits, and releases.
func lockOnce(t *testing.T, h *history, client int, l *Locks) {
	take := l.Acquire
	if rand.IntN(2) == 0 {
		take = l.TryAcquire
	}
	var held *Held
	h.record(client, lockIn{}, func() (any, bool) {
		var err error
		if held, err = take(bg, "x"); err == nil {
			return lockOut{token: held.Token().Number}, true
		}
		if !errors.Is(err, ErrHeld) {
			t.Errorf("no answer: %v", err)
		}
		return lockOut{held: true}, true
	})
	if held == nil {
		return
	}
	h.record(client, lockIn{release: held.Token().Number}, func() (any, bool) {
		if err := held.Release(bg); err != nil {
			t.Errorf("release: %v", err)
		}
		return lockOut{}, true
	})
}

// twoHolders is a history in which a second client takes what is held.
func twoHolders(h *history) []porcupine.Operation {
	at := int64(time.Since(h.began))
	return []porcupine.Operation{
		{ClientId: 90, Input: lockIn{}, Call: at, Output: lockOut{token: 1 << 60}, Return: at + 1},
		{ClientId: 91, Input: lockIn{}, Call: at + 2, Output: lockOut{token: 1<<60 + 1}, Return: at + 3},
	}
}

func oneInFive() bool { return rand.IntN(5) == 0 }

// loseAServer waits until some operations are done and takes the stream's leader away, if others
// remain.
func loseAServer(c *servers, replicas int, stream string, done <-chan struct{}, after int) {
	if replicas == 1 {
		return
	}
	js := c.connect()
	for range after {
		<-done
	}
	must(c.t, c.StopLeader(bg, js, stream))
}

type addIn struct{ delta int64 }

type addOut struct {
	sum   int64
	known bool
}

// counterModel: the answer is the sum with it; without an answer it was added, at some time.
var counterModel = porcupine.Model{
	Init: func() any { return int64(0) },
	Step: func(state, input, output any) (bool, any) {
		sum, out := state.(int64)+input.(addIn).delta, output.(addOut)
		return !out.known || out.sum == sum, sum
	},
}

// TestCounterHistory adds from many clients that lose answers. On three servers the leader is taken away in the
// middle; additions without an answer may or may not have been made until then.
func TestCounterHistory(t *testing.T) {
	onEach(t, func(t *testing.T, c *servers, replicas int) {
		h := &history{began: time.Now()}
		const clients, each = 6, 60
		done := make(chan struct{}, clients*each)
		var all sync.WaitGroup
		for client := range clients {
			n := c.counters(CounterConfig{Replicas: replicas})
			n.js = deaf{n.js, oneInFive}
			all.Go(func() {
				for range each {
					addOnce(h, client, n)
					done <- struct{}{}
				}
			})
		}
		loseAServer(c, replicas, "COUNT_counters", done, clients*each/3)
		all.Wait()
		h.check(t, counterModel)
		at := int64(time.Since(h.began))
		h.ops = append(h.ops, porcupine.Operation{Input: addIn{0}, Call: at, Output: addOut{-1 << 40, true}, Return: at + 1})
		h.refuted(t, counterModel)
	})
}

func addOnce(h *history, client int, n *Counters) {
	delta := rand.Int64N(9) - 2
	h.record(client, addIn{delta}, func() (any, bool) {
		sum, err := n.Add(bg, "x", delta)
		return addOut{sum, err == nil}, err == nil
	})
}

// A server of three is lost while a lock is held: the holder goes on, renewing.
func TestHolderOutlivesALostServer(t *testing.T) {
	c := newServers(t, 3)
	l := c.locks(Config{Replicas: 3, TTL: 15 * time.Second})
	h, err := l.Acquire(bg, "x")
	must(t, err)
	must(t, c.StopLeader(bg, l.bucket.js, "KV_locks"))
	c.eventually("it is renewed by another server", func() bool {
		ctx, cancel := context.WithTimeout(bg, time.Second)
		defer cancel()
		r, err := l.bucket.read(ctx, "x")
		return err == nil && r.Claim == h.Token().Holder && h.in.token(r.seq) > h.Token().Number
	})
	if h.Context().Err() != nil {
		t.Error(fmt.Errorf("the holder was told: %w", context.Cause(h.Context())))
	}
	must(t, h.Release(bg))
}
