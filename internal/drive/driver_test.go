package drive

import (
	"context"
	"errors"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/girohq/giro/client"
	"github.com/girohq/giro/saga"
)

// starter answers starts as the test says. What a driver does with real answers is held by the
// tests of package batch.
type starter func(ctx context.Context, id string) (saga.Document, error)

func (s starter) Start(ctx context.Context, _, id string, _ any, _ ...client.StartOption) (saga.Document, error) {
	return s(ctx, id)
}

func numbered(n int) func() (Job, bool) {
	i := 0
	return func() (Job, bool) {
		i++
		return Job{ID: strconv.Itoa(i)}, i <= n
	}
}

// TestWindow holds that no more sagas are under way than there are clients, and that all are used.
func TestWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var under, most atomic.Int64
		d := &Driver{Clients: 7, Tally: NewTally(), Next: numbered(100), Starter: starter(func(_ context.Context, id string) (saga.Document, error) {
			if n := under.Add(1); n > most.Load() {
				most.Store(n)
			}
			defer under.Add(-1)
			<-time.After(time.Second)
			return saga.Document{ID: id, State: saga.Completed}, nil
		})}
		if err := d.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if most.Load() != 7 || d.Tally.Counts().Completed != 100 {
			t.Errorf("%d at a time, %+v", most.Load(), d.Tally.Counts())
		}
		if l := d.Tally.Latency(); l.P50.Round(time.Millisecond*10) != time.Second || l.Max < l.P99 {
			t.Errorf("latency %+v", l)
		}
	})
}

// TestOpenLoop holds that arrivals keep to the clock, whatever is slow, and that a wait for their turn is
// part of their latency.
func TestOpenLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		arrived := make(chan time.Duration, 50)
		d := &Driver{Clients: MaxClients, Rate: 10, Tally: NewTally(), Next: numbered(50), Starter: starter(func(_ context.Context, id string) (saga.Document, error) {
			arrived <- time.Since(began)
			<-time.After(3 * time.Second)
			return saga.Document{ID: id, State: saga.Completed}, nil
		})}
		if err := d.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		for i := range 50 {
			if at := <-arrived; at != time.Duration(i)*100*time.Millisecond {
				t.Fatalf("arrival %d at %v", i, at)
			}
		}
		if took := time.Since(began); took != 4900*time.Millisecond+3*time.Second || d.Tally.Counts().Completed != 50 {
			t.Errorf("%v, %+v", took, d.Tally.Counts())
		}
	})
	synctest.Test(t, func(t *testing.T) { // one stall of ten seconds delays all that should have begun meanwhile
		var stalled atomic.Bool
		d := &Driver{Clients: 1, Rate: 10, Tally: NewTally(), Next: numbered(100), Starter: starter(func(_ context.Context, id string) (saga.Document, error) {
			if stalled.CompareAndSwap(false, true) {
				<-time.After(10 * time.Second)
			}
			return saga.Document{ID: id, State: saga.Completed}, nil
		})}
		if err := d.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if l := d.Tally.Latency(); l.P50 < 4*time.Second || l.P50 > 6*time.Second {
			t.Errorf("the stall is left out: %+v", l)
		}
	})
}

// TestFor holds that jobs stop to begin after the time, in both loops, and that those of an open loop that should
// have begun before it are begun, however late they find a place.
func TestFor(t *testing.T) {
	second := starter(func(_ context.Context, id string) (saga.Document, error) {
		<-time.After(time.Second)
		return saga.Document{ID: id, State: saga.Completed}, nil
	})
	for _, d := range []*Driver{
		{Clients: 10, For: 10 * time.Second},          // ten rounds of ten
		{Clients: 5, For: 10 * time.Second, Rate: 10}, // twice what there is place for
	} {
		synctest.Test(t, func(t *testing.T) {
			d.Starter, d.Tally, d.Next = second, NewTally(), numbered(1000)
			began := time.Now()
			if err := d.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			if n := d.Tally.Counts().Completed; n != 100 || time.Since(began) < 10*time.Second {
				t.Errorf("rate %v: %d in %v", d.Rate, n, time.Since(began))
			}
		})
	}
}

// TestUntilEnd holds that a saga under way is waited for, and that a suspended one is not.
func TestUntilEnd(t *testing.T) {
	looks := 0
	d := &Driver{Clients: 1, Tally: NewTally(), Next: numbered(2), Starter: starter(func(_ context.Context, id string) (saga.Document, error) {
		if looks++; looks < 3 {
			return saga.Document{ID: id, State: saga.Running}, nil
		}
		if id == "1" {
			return saga.Document{ID: id, State: saga.Compensated, Cause: &saga.Cause{Kind: saga.CauseRejected, Code: "no_such_account"}}, nil
		}
		return saga.Document{ID: id, State: saga.Suspended, Cause: &saga.Cause{Kind: saga.CauseConflict}}, nil
	})}
	if err := d.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := d.Tally.Counts(); got != (Counts{Compensated: 1, Suspended: 1}) {
		t.Errorf("counts %+v", got)
	}
	if causes := d.Tally.Causes(); causes["no_such_account"] != 1 || causes["conflict"] != 1 {
		t.Errorf("causes %v", causes)
	}
	if id := d.Tally.Example(saga.Suspended); id != "2" {
		t.Errorf("example %q", id)
	}
}

// TestStop holds that a stopped driver starts nothing more, lets end what is under way, and does
// not wait for ever.
func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		started := 0
		d := &Driver{Clients: 1, Tally: NewTally(), Next: numbered(10), Starter: starter(func(ctx context.Context, id string) (saga.Document, error) {
			if started++; started == 1 {
				stop()
				<-time.After(grace / 2)
				return saga.Document{ID: id, State: saga.Completed}, nil
			}
			return saga.Document{}, errors.New("one too many")
		})}
		if err := d.Run(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
		if started != 1 || d.Tally.Counts().Completed != 1 {
			t.Errorf("%d started, %+v", started, d.Tally.Counts())
		}
	})
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		began := time.Now()
		d := &Driver{Clients: 1, Tally: NewTally(), Next: numbered(1), Starter: starter(func(ctx context.Context, _ string) (saga.Document, error) {
			stop()
			<-ctx.Done()
			return saga.Document{}, ctx.Err()
		})}
		if err := d.Run(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
		if took := time.Since(began); took != grace {
			t.Errorf("it took %v", took)
		}
	})
}

// TestRefusal holds that an error of one start ends the run with it.
func TestRefusal(t *testing.T) {
	refusal := &client.Problem{Code: client.CodeConflict}
	d := &Driver{Clients: 3, Tally: NewTally(), Next: numbered(10), Starter: starter(func(ctx context.Context, id string) (saga.Document, error) {
		if id == "2" {
			return saga.Document{}, refusal
		}
		<-ctx.Done()
		return saga.Document{}, ctx.Err()
	})}
	var problem *client.Problem
	if err := d.Run(t.Context()); !errors.As(err, &problem) {
		t.Errorf("error %v", err)
	}
}

func TestClients(t *testing.T) {
	for _, n := range []int{0, -1, MaxClients + 1} {
		d := &Driver{Clients: n, Tally: NewTally(), Next: numbered(0)}
		if d.Run(t.Context()) == nil {
			t.Errorf("%d clients are accepted", n)
		}
	}
}

// TestGroups holds that a group is counted for itself and with all.
func TestGroups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		d := &Driver{Clients: 1, Tally: NewTally(), Next: func() (Job, bool) {
			n++
			return Job{ID: strconv.Itoa(n), Group: []string{"", "slow"}[n%2]}, n <= 100
		}, Starter: starter(func(_ context.Context, id string) (saga.Document, error) {
			i, _ := strconv.Atoi(id) // as Next has made it
			<-time.After(time.Duration(1+i%2*9) * time.Second)
			return saga.Document{ID: id, State: saga.Completed}, nil
		})}
		if err := d.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		all, slow, none := d.Tally.Latency(), d.Tally.LatencyOf("slow"), d.Tally.LatencyOf("none")
		if all.P50.Round(time.Second) != time.Second || all.P99.Round(time.Second) != 10*time.Second || slow.P50.Round(time.Second) != 10*time.Second || none != (Latency{}) {
			t.Errorf("all %v, slow %v, none %v", all, slow, none)
		}
	})
}
