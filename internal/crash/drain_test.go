package crash

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/girohq/giro/client"
)

// TestDrain interrupts the orchestrator with a thousand transfers in flight: it ends by itself, with
// exit code 0, which it does not when its drain takes longer than its limit; and the next start
// goes on where it stopped.
func TestDrain(t *testing.T) {
	f := newSplit(t)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	c := f.client(t)
	f.healthy(t, ctx, c)
	orchestrator, bankB := f.processes[1], f.processes[3]
	bankB.Kill()
	const inFlight = 1000
	for n := range inFlight {
		if _, err := c.Publish(ctx, "transfer", fmt.Sprintf("T-%d", n), input(n)); err != nil {
			t.Fatal(err)
		}
	}
	waitFor(t, ctx, c, fmt.Sprintf("T-%d", inFlight-1))
	for range 2 {
		if err := orchestrator.End(ctx, os.Interrupt); err != nil {
			t.Errorf("interrupted: %v\n%s", err, orchestrator.said.String())
		}
		orchestrator.start(t)
		f.healthy(t, ctx, c)
	}
	bankB.start(t)
	judge(t, ctx, f, c, inFlight)
}

// waitFor waits until a transfer was accepted; starts are read in order, so all before it were too.
func waitFor(t *testing.T, ctx context.Context, c *client.Client, id string) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		_, err := c.Get(ctx, id)
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s is not accepted: %v", id, err)
		case <-tick.C:
		}
	}
}
