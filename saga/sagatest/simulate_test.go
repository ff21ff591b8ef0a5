package sagatest

import (
	"bytes"
	"flag"
	"runtime/debug"
	"slices"
	"syscall"
	"testing"
	"time"
)

var (
	simulateSeeds = flag.Uint64("simulate.seeds", 0, "TestSimulate: how many seeds to run; 0: no bound but the time")
	simulateFor   = flag.Duration("simulate.for", 0, "TestSimulate: how long to run; 0: no bound but the seeds")
	simulateFrom  = flag.Uint64("simulate.from", 1_000_000, "TestSimulate: the first seed")
)

// TestSimulate runs as many seeds as it is told to: `make simulate`.
func TestSimulate(t *testing.T) {
	if *simulateSeeds == 0 && *simulateFor == 0 {
		t.Skip("needs -simulate.seeds or -simulate.for")
	}
	began := time.Now()
	within := func(n uint64) bool {
		return (*simulateSeeds == 0 || n < *simulateSeeds) && (*simulateFor == 0 || time.Since(began) < *simulateFor)
	}
	simulate(t, *simulateFrom, within)
}

// TestFixedSeeds is what every run of the tests simulates. With all its seeds each fault must
// strike and each rare path be taken, or a clean result would mean nothing.
func TestFixedSeeds(t *testing.T) {
	seeds := uint64(1000)
	if raceEnabled || testing.Short() {
		seeds = 60
	}
	all := simulate(t, 1, func(n uint64) bool { return n < seeds })
	if seeds < 1000 {
		return
	}
	for _, f := range AllFaults() {
		if all.Fired[f] == 0 {
			t.Errorf("the fault %q never struck", f)
		}
	}
	for _, p := range AllPaths() {
		if all.Reached[p] == 0 {
			t.Errorf("the rare path %q was never taken", p)
		}
	}
}

// TestFoundSeeds keeps the seeds that once found something.
func TestFoundSeeds(t *testing.T) {
	for seed, found := range map[uint64]string{
		796:     "a child resolved by hand after it was abandoned could not be undone, and its parent waited for it for ever",
		1005295: "the person looked away while a saga that was suspended before moved, and missed its second suspension",
	} {
		if r := Run(Config{Seed: seed}); !r.Clean() {
			t.Errorf("seed %d: %s %v; it once found: %s", seed, r.Void, r.Violations, found)
		}
	}
}

// simulate runs seed after seed and tells what they came to.
func simulate(t *testing.T, from uint64, within func(n uint64) bool) Report {
	t.Helper()
	defer debug.SetGCPercent(debug.SetGCPercent(1000)) // a run is small and short: collecting it eagerly takes a third of the time
	var all Report
	began, n := cpuTime(t), uint64(0)
	for ; within(n); n++ {
		r := Run(Config{Seed: from + n})
		if !r.Clean() {
			t.Errorf("seed %d: %s %v", r.Seed, r.Void, r.Violations)
		}
		all.Add(r)
	}
	t.Logf("seeds %d to %d, %.0f sagas in a CPU-second, %.1f simulated hours\n%s", from, from+n-1,
		float64(all.Sagas)/(cpuTime(t)-began).Seconds(), all.Simulated.Hours(), &all)
	return all
}

func cpuTime(t testing.TB) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// The same seed must be the same run, byte for byte, or a failure could not be looked into.
func TestSameSeedSameRun(t *testing.T) {
	hashes := map[uint64]uint64{}
	for seed := range uint64(20) {
		var first, second bytes.Buffer
		a, b := Run(Config{Seed: seed, Trace: &first}), Run(Config{Seed: seed, Trace: &second})
		if a.Hash != b.Hash || !bytes.Equal(first.Bytes(), second.Bytes()) {
			t.Errorf("seed %d: two runs differ", seed)
		}
		if other, taken := hashes[a.Hash]; taken {
			t.Errorf("seeds %d and %d are the same run", seed, other)
		}
		hashes[a.Hash] = seed
	}
}

// plantedBugs says for each bug which invariants tell of it.
var plantedBugs = map[Bug][]Invariant{
	ReleasedAtPubAck:     {EverySagaEnds},
	NoFence:              {NoLateForward, MoneyIsConserved, OutcomeIsAtomic, UndoneInOrder},
	TwoTransactions:      {AtMostOneEffect, MoneyIsConserved, OutcomeIsAtomic, UndoneInOrder},
	AckBeforeCommit:      {AcceptedIsKept, EverySagaEnds},
	ExhaustedIsRefused:   {OutcomeIsAtomic, MoneyIsConserved},
	UndoKeyedApart:       {NoLateForward, OutcomeIsAtomic, MoneyIsConserved, EverySagaEnds, UndoneInOrder},
	DeduplicationTrusted: {AtMostOneEffect, MoneyIsConserved, OutcomeIsAtomic, EverySagaEnds},
	SentBeforeCommit:     {OutcomeIsAtomic, MoneyIsConserved},
	TimersForgotten:      {EverySagaEnds},
	EarlySignalLost:      {EverySagaEnds},
	ConfirmedEarly:       {OutcomeIsAtomic, UndoneInOrder},
	ReleasedLate:         {OutcomeIsAtomic, UndoneInOrder},
	UndoneInWrongOrder:   {UndoneInOrder, OutcomeIsAtomic},
	ListComputedAgain:    {OutcomeIsAtomic},
	UnfencedWish:         {OutcomeIsAtomic},
	ChildUndoneLate:      {OutcomeIsAtomic},
	ToldAfterCommit:      {EverySagaEnds},
}

// TestPlantedBugs holds that the simulator finds every planted bug, soon, and by the invariants
// that it must break.
func TestPlantedBugs(t *testing.T) {
	const seeds = 600
	for _, bug := range Bugs() {
		t.Run(string(bug), func(t *testing.T) {
			for seed := uint64(1); seed <= seeds; seed++ {
				r := Run(Config{Seed: seed, Bug: bug})
				if len(r.Violations) == 0 {
					continue
				}
				for _, v := range r.Violations {
					if !slices.Contains(plantedBugs[bug], v.Invariant) {
						t.Errorf("seed %d: unexpected %s", seed, v)
					}
				}
				t.Logf("caught with seed %d: %s", seed, r.Violations[0])
				return
			}
			t.Errorf("not caught with %d seeds", seeds)
		})
	}
}

// A run in which nothing went wrong although it should have proves nothing.
func TestVoidRun(t *testing.T) {
	if r := Run(Config{Faults: Faults{Loss: 1e-12}}); r.Void == "" || r.Clean() {
		t.Errorf("no fault struck, and the run is not void")
	}
	if r := Run(Config{Workloads: []Workload{Transfers(1)}, Sagas: 1, Faults: Faults{}}); !r.Clean() {
		t.Errorf("a calm run was asked for: %s %v", r.Void, r.Violations)
	}
}

// The bank alone, to compare: sagas of many steps cost what they cost.
func BenchmarkRun(b *testing.B) {
	sagas, began := 0, cpuTime(b)
	for seed := uint64(0); b.Loop(); seed++ {
		r := Run(Config{Seed: seed, Workloads: Bank(8)})
		sagas += r.Sagas
	}
	b.ReportMetric(float64(sagas)/(cpuTime(b)-began).Seconds(), "sagas/CPU-s")
}
