package sagatest

import (
	"fmt"
	"strings"
	"time"

	"github.com/girohq/giro/saga"
)

// Report is what a run came to.
type Report struct {
	Seed      uint64
	Sagas     int                // accepted
	Outcomes  map[saga.State]int // how they ended
	Suspended int                // sagas that waited for a person when the faults were over
	Commands  int                // answered by participants
	Simulated time.Duration      // virtual time
	Fired     map[Fault]int      // how often each fault struck
	Reached   map[Path]int       // how often each rare path was taken
	// Void says why the run proves nothing; "" if it does.
	Void       string
	Violations []Violation
	// Hash is of everything that happened: equal for equal configurations.
	Hash uint64
}

// Clean reports whether the run proves something and found nothing.
func (r *Report) Clean() bool { return r.Void == "" && len(r.Violations) == 0 }

// Add sums another report into r, so that many seeds can be told as one. Seed, Void and Hash
// stay r's own.
func (r *Report) Add(other Report) {
	if r.Outcomes == nil {
		r.Outcomes, r.Fired, r.Reached = map[saga.State]int{}, map[Fault]int{}, map[Path]int{}
	}
	r.Sagas += other.Sagas
	r.Suspended += other.Suspended
	r.Commands += other.Commands
	r.Simulated += other.Simulated
	r.Violations = append(r.Violations, other.Violations...)
	sum(r.Outcomes, other.Outcomes)
	sum(r.Fired, other.Fired)
	sum(r.Reached, other.Reached)
}

func sum[K comparable](into, from map[K]int) {
	for k, n := range from {
		into[k] += n
	}
}

// String tells the report on a few aligned lines.
func (r *Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d sagas in %s simulated, %d commands:", r.Sagas, r.Simulated.Round(time.Second), r.Commands)
	for _, s := range []saga.State{saga.Completed, saga.Compensated, saga.Abandoned, saga.Suspended, saga.Running, saga.Compensating} {
		if n := r.Outcomes[s]; n > 0 {
			fmt.Fprintf(&b, " %d %s", n, s)
		}
	}
	fmt.Fprintf(&b, "; %d had waited for a person\n", r.Suspended)
	for _, f := range AllFaults() {
		fmt.Fprintf(&b, "  fault %-24s %9d\n", f, r.Fired[f])
	}
	for _, p := range AllPaths() {
		fmt.Fprintf(&b, "  path  %-24s %9d\n", p, r.Reached[p])
	}
	for _, v := range r.Violations {
		fmt.Fprintf(&b, "  BROKEN %s\n", v)
	}
	return b.String()
}
