package coordination

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/girohq/giro/internal/cluster"
)

// TestDamagedBucket holds that a flipped bit in the bucket's last block costs no memory, and at most a few locks. A
// server that finds it there lists as lost what comes before, from sequence 1. Found by giro torture board, seed
// 1796100001, fault 1428: sequences began at the microseconds since 1970, and the broker's list took 23 GB.
// Afterwards nats-server 2.15.2 confirms each record and finds none of them, until it is started again.
func TestDamagedBucket(t *testing.T) {
	dir := t.TempDir()
	before := inBroker(t, dir, func(c *servers) uint64 {
		l := c.locks(Config{})
		h, err := l.Acquire(bg, "x")
		must(t, err)
		must(t, h.Release(bg))
		// What is left of a lock that nobody takes for a minute: a tombstone of the store.
		must(t, h.in.stream.Purge(bg))
		return h.Token().Number
	})
	flipLast(t, dir)
	inBroker(t, dir, func(c *servers) uint64 {
		defer watchHeap(256 << 20)()
		ctx, cancel := context.WithTimeout(bg, 20*time.Second)
		defer cancel()
		l, last := c.locks(Config{}), before
		for tries, released := 0, false; !released; tries++ { // the server forgets locks, until that is noticed
			if tries > 3 {
				t.Fatal("nobody notices that the server forgets locks")
			}
			h, err := l.Acquire(ctx, "x")
			must(t, err)
			if h.Token().Number <= last {
				t.Errorf("token %d after %d", h.Token().Number, last)
			}
			last = h.Token().Number
			released = h.Release(ctx) == nil
		}
		first, err := l.Acquire(ctx, "x")
		must(t, err)
		if _, err := c.locks(Config{}).TryAcquire(ctx, "x"); !errors.Is(err, ErrHeld) {
			t.Errorf("two have it: %v", err)
		}
		must(t, first.Release(ctx))
		return last
	})
}

// inBroker does something with a server on a directory, and stops it.
func inBroker(t *testing.T, dir string, do func(c *servers) uint64) uint64 {
	t.Helper()
	c, err := cluster.Start(bg, cluster.Config{Dir: dir, Servers: 1, Sync: true})
	must(t, err)
	defer func() { c.Close() }()
	return do(&servers{c, t})
}

// flipLast flips a bit of the record's length in the block that has only a tombstone.
func flipLast(t *testing.T, dir string) {
	t.Helper()
	blocks, err := filepath.Glob(filepath.Join(dir, "s0", "jetstream", "*", "streams", "KV_locks", "msgs", "*.blk"))
	must(t, err)
	const tombstoneSize = 30
	for _, block := range blocks {
		data, err := os.ReadFile(block)
		must(t, err)
		if len(data) != tombstoneSize {
			continue
		}
		length := binary.LittleEndian.Uint32(data)
		binary.LittleEndian.PutUint32(data, length^1<<30)
		must(t, os.WriteFile(block, data, 0o600))
		return
	}
	t.Fatalf("no block of one tombstone in %q", blocks)
}

// watchHeap ends the process, and so the server in it, when the heap is larger: nothing else stops the server.
func watchHeap(most uint64) (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			var now runtime.MemStats
			if runtime.ReadMemStats(&now); now.HeapAlloc > most {
				panic(fmt.Sprintf("the damaged bucket takes %d MB of memory", now.HeapAlloc>>20))
			}
			select {
			case <-done:
				return
			case <-tick.C:
			}
		}
	}()
	return func() { close(done); <-ended }
}
