package crash

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/girohq/giro/client"
	"github.com/girohq/giro/saga"
)

var (
	transfers = flag.Int("crash.transfers", 2000, "transfers in each run")
	kills     = flag.Int("crash.kills", 20, "kills in each run")
	wipes     = flag.Int("crash.wipes", 3, "deletions of the broker's store in each run")
	seed      = flag.Uint64("crash.seed", 0, "of the schedule; 0: a new one, printed")
)

// TestKill9 kills processes at random while transfers run. Every accepted transfer must end, and
// the books of both banks must agree with the orchestrator's to the cent.
func TestKill9(t *testing.T) {
	for name, farm := range map[string]func(testing.TB) *system{"one process": newDev, "four processes": newSplit} {
		t.Run(name, func(t *testing.T) {
			f := farm(t)
			torment(t, f, *kills, func(rng *rand.Rand) string {
				p := f.processes[rng.IntN(len(f.processes))]
				p.again(t)
				return p.Name
			})
		})
	}
}

// TestKill9Postgres is TestKill9 from a bank in a file to one on Postgres: the banks are killed, and
// so is the database server.
func TestKill9Postgres(t *testing.T) {
	f := newPostgres(t)
	torment(t, f, *kills/2, func(rng *rand.Rand) string {
		if n := rng.IntN(3); n > 0 {
			p := f.processes[1+n] // a bank
			p.again(t)
			return p.Name
		}
		if err := f.postgres.Kill(); err != nil {
			t.Log(err) // it has not ended well, and was not meant to
		}
		if err := f.postgres.Start(); err != nil {
			t.Fatal(err)
		}
		return "the server of Postgres"
	})
}

// TestBrokerStoreDeleted deletes everything the broker knows while transfers run. Nobody steps in.
func TestBrokerStoreDeleted(t *testing.T) {
	for name, farm := range map[string]func(testing.TB) *system{"one process": newDev, "four processes": newSplit} {
		t.Run(name, func(t *testing.T) {
			f := farm(t)
			torment(t, f, *wipes, func(*rand.Rand) string {
				f.broker.Kill()
				if err := os.RemoveAll(f.store); err != nil {
					t.Fatal(err)
				}
				f.broker.start(t)
				return "the broker's store"
			})
		})
	}
}

// torment runs transfers, and strikes evenly between them; then it lets everything come to rest
// and judges.
func torment(t *testing.T, f *system, strikes int, strike func(*rand.Rand) string) {
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d", *seed)
	rng := rand.New(rand.NewPCG(*seed, 1))
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	c := f.client(t)
	f.healthy(t, ctx, c)

	work := make(chan int)
	var workers sync.WaitGroup
	for range 32 {
		workers.Go(func() {
			for n := range work {
				begin(t, ctx, c, n)
			}
		})
	}
	struck := map[string]int{}
	every := *transfers / (strikes + 1)
	for n := range *transfers {
		work <- n
		if n%every == every-1 && strikes > 0 {
			struck[strike(rng)]++
			strikes--
		}
	}
	close(work)
	workers.Wait()
	if strikes > 0 {
		t.Errorf("void: %d strikes never fell", strikes)
	}
	t.Logf("struck %v", struck)
	judge(t, ctx, f, c, *transfers)
}

// begin starts transfer n and insists until it is accepted: the same id, however often.
func begin(t *testing.T, ctx context.Context, c *client.Client, n int) {
	if _, err := c.Start(ctx, "transfer", fmt.Sprintf("T-%d", n), input(n)); err != nil {
		t.Errorf("transfer %d was not accepted: %v", n, err)
	}
}

// input is transfer n: one in ten goes to an account that does not exist, one in ten asks for too much.
func input(n int) map[string]any {
	to, amount := fmt.Sprint((n*7)%accounts), 100+n%900
	switch n % 10 {
	case 3:
		to = "nobody"
	case 7:
		amount = opening + 1
	}
	return map[string]any{
		"from":   map[string]any{"bank": "A", "account": fmt.Sprint(n % accounts)},
		"to":     map[string]any{"bank": "B", "account": to},
		"amount": amount, "currency": "EUR",
	}
}

// judge waits for every transfer's end and compares it with what it must be, then audits.
func judge(t *testing.T, ctx context.Context, f *system, c *client.Client, transfers int) {
	outcomes := map[saga.State]int{}
	for n := range transfers {
		doc, err := c.Wait(ctx, fmt.Sprintf("T-%d", n))
		if err != nil {
			history, _ := c.History(context.WithoutCancel(ctx), doc.ID) // more of what is wrong, if there is more
			t.Fatalf("transfer %d: %v: %+v\n%+v", n, err, doc, history)
		}
		outcomes[doc.State]++
		want := saga.Completed
		if n%10 == 3 || n%10 == 7 {
			want = saga.Compensated
		}
		if doc.State != want && !(want == saga.Completed && doc.State == saga.Compensated && doc.Cause.Kind != saga.CauseRejected) {
			t.Errorf("transfer %d is %s: %+v", n, doc.State, doc.Cause)
		}
	}
	t.Logf("outcomes %v", outcomes)
	f.audit(t)
}
