package overload

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/girohq/giro/client"
	"github.com/girohq/giro/embedded"
	"github.com/girohq/giro/internal/audit"
	"github.com/girohq/giro/internal/drive"
	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/participants/ledger"
	"github.com/girohq/giro/saga"
	"github.com/nats-io/nats.go"
	"golang.org/x/sync/errgroup"
)

var (
	open  = flag.Int("overload.sagas", 300, "sagas that are open when the broker's store is deleted")
	burst = flag.Int("overload.burst", 2_000, "starts that come at the same moment")
)

const (
	starters  = 256
	overflows = 20_000 // at one moment are more than the queue has room for, however fast it is worked off
)

// branch is a bank of one account.
func branch(name string) ledger.Branch {
	return ledger.Branch{Bank: name, Accounts: []ledger.Account{{Account: "1", Currency: "EUR", Balance: 1_000_000_000}}}
}

func config(dir string, banks ...string) embedded.Config {
	cfg := embedded.Config{Data: dir, Definitions: []*saga.Definition{saga.Transfer()}}
	for _, name := range banks {
		cfg.Banks = append(cfg.Banks, branch(name))
	}
	return cfg
}

var input = map[string]any{"from": map[string]any{"bank": "A", "account": "1"}, "to": map[string]any{"bank": "B", "account": "1"}, "amount": 1, "currency": "EUR"}

// TestWipeWithOpenSagas deletes the broker's store while many sagas wait for a bank that is away, and brings both
// back. Everything ends without an operator; re-sends are paced, and the time that takes is told.
func TestWipeWithOpenSagas(t *testing.T) {
	dir := t.TempDir()
	err := drive.On(t.Context(), config(dir, "A"), func(ctx context.Context, c *client.Client, _ *embedded.Node) error {
		return each(ctx, *open, func(ctx context.Context, i int) error {
			_, err := c.Start(ctx, "transfer", fmt.Sprint("T-", i), input)
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "nats")); err != nil {
		t.Fatal(err)
	}
	began, outcomes := time.Now(), map[saga.State]int{}
	err = drive.On(t.Context(), config(dir, "A", "B"), func(ctx context.Context, c *client.Client, _ *embedded.Node) error {
		for i := range *open {
			doc, err := c.Wait(ctx, fmt.Sprint("T-", i))
			if err != nil {
				return err
			}
			outcomes[doc.State]++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d open sagas: all ended %s after the store was gone, %.0f a second: %v", *open, time.Since(began).Round(time.Millisecond),
		float64(*open)/time.Since(began).Seconds(), outcomes)
	if outcomes[saga.Completed]+outcomes[saga.Compensated] != *open {
		t.Errorf("they ended as %v", outcomes)
	}
	balanced(t, dir, *open)
}

// TestBurst asks for more at one moment than the queue has room for. Each request is answered: accepted, or
// unavailable for now. What was accepted ends; then everybody who was sent away comes in.
func TestBurst(t *testing.T) {
	dir := t.TempDir()
	var accepted, refused atomic.Int64
	err := drive.On(t.Context(), config(dir, "A", "B"), func(ctx context.Context, c *client.Client, n *embedded.Node) error {
		var conns []*nats.Conn
		for i := range 4 {
			conn, err := n.Connect(fmt.Sprint("customer ", i))
			if err != nil {
				return err
			}
			defer conn.Close()
			conns = append(conns, conn)
		}
		var all sync.WaitGroup
		var failed atomic.Value
		ready := make(chan struct{})
		for i := range *burst {
			all.Go(func() {
				<-ready
				switch code, err := ask(ctx, conns[i%len(conns)], i); {
				case err != nil:
					failed.Store(err)
				case code == "":
					accepted.Add(1)
				case code == client.CodeUnavailable:
					refused.Add(1)
				default:
					failed.Store(fmt.Errorf("start %d: %s", i, code))
				}
			})
		}
		close(ready)
		all.Wait()
		if err, ok := failed.Load().(error); ok {
			return err
		}
		err := each(ctx, *burst, func(ctx context.Context, i int) error { // it insists
			_, err := c.Start(ctx, "transfer", fmt.Sprint("T-", i), input)
			return err
		})
		if err != nil {
			return err
		}
		return idle(ctx, c)
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d starts at one moment: %d accepted, %d told to come again", *burst, accepted.Load(), refused.Load())
	if *burst >= overflows && refused.Load() == 0 {
		t.Errorf("void: %d at one moment were not too many", *burst)
	}
	balanced(t, dir, *burst)
}

// ask starts a transfer once, and returns the code of the problem, "" if it was accepted.
func ask(ctx context.Context, conn *nats.Conn, i int) (code string, err error) {
	limited, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	body, err := json.Marshal(input)
	if err != nil {
		return "", err
	}
	m, err := conn.RequestMsgWithContext(limited, &nats.Msg{Subject: "saga.api.v1.start.transfer", Header: nats.Header{wire.HeaderID: {fmt.Sprint("T-", i)}}, Data: body})
	if err != nil {
		return "", err
	}
	var answer struct {
		ID   string `json:"id"`
		Code string `json:"code"`
	}
	err = json.Unmarshal(m.Data, &answer)
	return answer.Code, err
}

// each does something n times, with many at once.
func each(ctx context.Context, n int, do func(context.Context, int) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(starters)
	for i := 0; i < n && ctx.Err() == nil; i++ {
		g.Go(func() error { return do(ctx, i) })
	}
	return g.Wait()
}

// idle waits until no saga is under way.
func idle(ctx context.Context, c *client.Client) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		under := 0
		for _, state := range []saga.State{saga.Running, saga.Compensating} {
			list, err := c.List(ctx, client.ListRequest{State: string(state), Limit: 1})
			if err != nil {
				return err
			}
			under += len(list.Items)
		}
		if under == 0 {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// balanced audits, and holds how many transfers were judged.
func balanced(t *testing.T, dir string, judged int) {
	t.Helper()
	files, err := audit.In(dir)
	if err != nil {
		t.Fatal(err)
	}
	r, err := audit.Run(t.Context(), files)
	if err != nil {
		t.Fatal(err)
	}
	if !r.OK || r.Judged != judged || r.Live != 0 {
		t.Errorf("%d judged of %d, %d under way: %v", r.Judged, judged, r.Live, r.Violations)
	}
}
