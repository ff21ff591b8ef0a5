package overload

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/girohq/giro/internal/drive"
)

var beside = flag.Duration("overload.beside", time.Second, "length of each measurement beside a neighbour")

// TestSlowNeighbour holds that a participant a hundred times slower than another, with more to do than it
// can, leaves the other its throughput and its latency.
func TestSlowNeighbour(t *testing.T) {
	in(t, 0, 10*time.Minute, func(w *world) {
		defer w.open("shop", 500*time.Microsecond)()
		defer w.open("slow", 50*time.Millisecond)()
		healthy := func() drive.Job { return buy("shop") }
		w.closed(16, *beside/2, healthy)
		sent := 0
		w.judged(func() error {
			alone := w.closed(16, *beside, healthy)
			var s *tide
			var storm sync.WaitGroup
			storm.Go(func() { s = w.storm(200, *beside, *beside, func() drive.Job { return buy("slow") }) })
			with := w.closed(16, *beside, healthy)
			storm.Wait()
			s.end()
			sent += s.sent
			return w.compare("beside a slow neighbour", alone, with, 3)
		})
		slow := w.count("type = 'buy-slow' AND " + unfinished)
		w.Logf("%d of %d sagas of the neighbour are still open", slow, sent)
		if slow < sent/2 {
			w.Error("the neighbour was not slow")
		}
	})
}

// TestHotAccount holds that one account which everybody pays from does not slow down the others.
func TestHotAccount(t *testing.T) {
	in(t, 0, 10*time.Minute, func(w *world) {
		others := func() drive.Job { return pay(fmt.Sprint(1+rand.IntN(accounts-1)), rand.IntN(accounts)) }
		both := func(neighbour func() drive.Job) *drive.Tally {
			var load sync.WaitGroup
			load.Go(func() { w.closed(32, *beside, neighbour) })
			tally := w.closed(32, *beside, others)
			load.Wait()
			return tally
		}
		both(others)
		w.judged(func() error {
			return w.compare("beside a hot account", both(others), both(func() drive.Job { return pay("0", 0) }), 2)
		})
		w.rest()
	})
}

// judged gives a measurement three tries: another process of the machine may have spoilt one, not all.
func (w *world) judged(measure func() error) {
	w.Helper()
	for n := 1; ; n++ {
		err := measure()
		switch {
		case err == nil:
			return
		case n == 3:
			w.Error(err)
			return
		}
		w.Log(err)
	}
}

// compare judges the one by the other.
func (w *world) compare(what string, alone, with *drive.Tally, most float64) error {
	w.Helper()
	a, b := alone.Latency(), with.Latency()
	w.Logf("%s: %d sagas, p50 %s, p99 %s; without: %d, p50 %s, p99 %s", what,
		with.Counts().Sum(), b.P50, b.P99, alone.Counts().Sum(), a.P50, a.P99)
	if b.P50.Seconds() > most*a.P50.Seconds() || b.P99.Seconds() > most*a.P99.Seconds() {
		return fmt.Errorf("%s latency is more than %g times as long", what, most)
	}
	if float64(with.Counts().Sum())*most < float64(alone.Counts().Sum()) {
		return fmt.Errorf("%s throughput is less than 1/%g", what, most)
	}
	return nil
}
