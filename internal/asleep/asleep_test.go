package asleep

import (
	"context"
	"flag"
	"fmt"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/girohq/giro/client"
	"github.com/girohq/giro/embedded"
	"github.com/girohq/giro/internal/drive"
	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/saga"
	"golang.org/x/sync/errgroup"
)

var howMany = flag.Int("asleep.sagas", 10_000, "sagas, half asleep and half waiting for a signal")

// mostBytes is the promise: what one saga that waits may cost of the memory of the whole process, the
// broker's share included.
const mostBytes = 512

const (
	starters = 256
	warmUp   = 4096 // sagas that are there before the others are weighed: what is made once is made by then
)

func definitions(t *testing.T) []*saga.Definition {
	t.Helper()
	var all []*saga.Definition
	for _, source := range []string{
		`{"saga":"nap","steps":[{"id":"nap","sleep":"30d"}]}`,
		`{"saga":"ask","steps":[{"id":"ask","await":{"signal":"yes","timeout":"30d"}}]}`,
	} {
		def, err := saga.ParseJSON([]byte(source))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, def)
	}
	return all
}

// TestAsleep starts sagas that wait, weighs them, and starts again over them.
func TestAsleep(t *testing.T) {
	n := *howMany
	cfg := embedded.Config{Data: t.TempDir(), Definitions: definitions(t)}
	var before, after uint64
	err := drive.On(t.Context(), cfg, func(ctx context.Context, c *client.Client, _ *embedded.Node) error {
		if err := fill(ctx, c, 0, warmUp); err != nil {
			return err
		}
		before = settledHeap()
		if err := fill(ctx, c, warmUp, warmUp+n); err != nil {
			return err
		}
		after = settledHeap()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	each := (int64(after) - int64(before)) / int64(n)
	began := time.Now()
	err = drive.On(t.Context(), cfg, func(ctx context.Context, c *client.Client, _ *embedded.Node) error {
		t.Logf("%d sagas wait: %d bytes of memory each; a restart over %d takes %s", n, each, n+warmUp, time.Since(began).Round(time.Millisecond))
		return wake(ctx, c)
	})
	if err != nil {
		t.Fatal(err)
	}
	if each > mostBytes {
		t.Errorf("a saga that waits costs %d bytes of memory, at most %d are promised", each, mostBytes)
	}
	asleep(t, cfg.Data, n+warmUp-1)
}

// fill starts the sagas from one number to another.
func fill(ctx context.Context, c *client.Client, from, to int) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(starters)
	for i := from; i < to && ctx.Err() == nil; i++ {
		sagaType := []string{"nap", "ask"}[i%2]
		g.Go(func() error {
			_, err := c.Start(ctx, sagaType, fmt.Sprintf("%s-%d", sagaType, i), nil)
			return err
		})
	}
	return g.Wait()
}

// settledHeap is what is in use when what was only passing through is gone: the broker remembers the
// ids of messages, and the megabytes of the block that it last wrote, for ten seconds and a little.
func settledHeap() uint64 {
	low := ^uint64(0)
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); <-time.After(time.Second) {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		low = min(low, m.HeapAlloc)
	}
	return low
}

// wake shows that they are alive: one hears its signal and ends.
func wake(ctx context.Context, c *client.Client) error {
	if _, err := c.Signal(ctx, "ask-1", "yes", nil); err != nil {
		return err
	}
	doc, err := c.Get(ctx, "ask-1")
	if err == nil && doc.State != saga.Completed {
		err = fmt.Errorf("ask-1 heard its signal and is %s", doc.State)
	}
	return err
}

// asleep looks into the database for those that should wait with a timer.
func asleep(t *testing.T, dir string, want int) {
	t.Helper()
	db, err := outbox.OpenReadOnly(filepath.Join(dir, embedded.OrchestratorFile))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var got int
	if err := db.GetContext(t.Context(), &got, `SELECT count(*) FROM sagas WHERE state = 'running' AND timer IS NOT NULL`); err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("%d sagas wait, want %d", got, want)
	}
}
