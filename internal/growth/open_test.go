package growth

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
	"github.com/girohq/giro/participants"
	"github.com/girohq/giro/saga"
	"golang.org/x/sync/errgroup"
)

var open = flag.Int("growth.open", 2_000, "sagas that are open when the node starts again")

const (
	starters = 256
	warmUp   = 2_000 // sagas that are open before the others are weighed: what is made once is made by then
	shop     = "shop"
)

func order(t *testing.T) *saga.Definition {
	t.Helper()
	def, err := saga.ParseJSON([]byte(`{"saga":"order","steps":[{"id":"order","kind":"pivot","participant":"shop","action":"order","key":"${saga.id}","timeout":"2h"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	return def
}

// TestOpen weighs sagas whose participant is away, starts the node again over them, and lets them end.
func TestOpen(t *testing.T) {
	cfg := embedded.Config{Data: t.TempDir(), Definitions: []*saga.Definition{order(t)}}
	all := warmUp + *open
	var weight int64
	on(t, cfg, func(ctx context.Context, c *client.Client, _ *embedded.Node) error {
		if err := start(ctx, c, 0, warmUp); err != nil {
			return err
		}
		before := settledHeap()
		if err := start(ctx, c, warmUp, all); err != nil {
			return err
		}
		weight = (settledHeap() - before) / int64(*open)
		return nil
	})
	began := time.Now()
	on(t, cfg, func(ctx context.Context, c *client.Client, node *embedded.Node) error {
		t.Logf("%d open sagas: %d bytes of memory each, the broker's share included; open again after %s", all, weight, time.Since(began).Round(time.Millisecond))
		if n, err := unfinished(ctx, cfg.Data); err != nil || n != all {
			return fmt.Errorf("%d of %d sagas are open: %w", n, all, err)
		}
		took, err := served(ctx, cfg.Data, node)
		t.Logf("all ended %s after their participant came", took.Round(time.Millisecond))
		return err
	})
}

func on(t *testing.T, cfg embedded.Config, use func(context.Context, *client.Client, *embedded.Node) error) {
	t.Helper()
	if err := drive.On(t.Context(), cfg, use); err != nil {
		t.Fatal(err)
	}
}

func start(ctx context.Context, c *client.Client, from, to int) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(starters)
	for i := from; i < to && ctx.Err() == nil; i++ {
		g.Go(func() error {
			_, err := c.Start(ctx, "order", fmt.Sprintf("o-%d", i), nil)
			return err
		})
	}
	return g.Wait()
}

// served lets the participant work until no saga is open.
func served(ctx context.Context, dir string, node *embedded.Node) (time.Duration, error) {
	db, err := participants.Open(ctx, filepath.Join(dir, shop+".db"), nil)
	if err != nil {
		return 0, err
	}
	conn, err := node.Connect(shop)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	p, err := participants.New(participants.Config{Name: shop, DB: db, Conn: conn})
	if err != nil {
		return 0, err
	}
	participants.Handle(p, "order", func(context.Context, participants.Tx, struct{}) (struct{}, error) { return struct{}{}, nil })
	working, stop := context.WithCancel(ctx)
	g, working := errgroup.WithContext(working)
	g.Go(func() error { return p.Run(working) })
	began := time.Now()
	err = until(working, func() (bool, error) {
		n, err := unfinished(working, dir)
		return n == 0, err
	})
	took := time.Since(began)
	stop()
	if ended := g.Wait(); ended != nil {
		err = ended
	}
	if err == nil {
		err = db.Close()
	}
	return took, err
}

func until(ctx context.Context, holds func() (bool, error)) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if ok, err := holds(); ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

func unfinished(ctx context.Context, dir string) (n int, err error) {
	db, err := outbox.OpenReadOnly(filepath.Join(dir, embedded.OrchestratorFile))
	if err != nil {
		return 0, err
	}
	defer db.Close()
	return n, db.GetContext(ctx, &n, `SELECT count(*) FROM sagas WHERE finished IS NULL`)
}

// settledHeap is what is in use when what was only passing through is gone: the broker remembers the
// megabytes of the block that it last wrote for ten seconds and a little.
func settledHeap() int64 {
	low := ^uint64(0)
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); <-time.After(time.Second) {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		low = min(low, m.HeapAlloc)
	}
	return int64(low)
}
