package torture

import (
	"math/rand/v2"
	"time"
)

// strike is one fault of the schedule.
type strike struct {
	Fault Fault
	At    float64 // where in the run: 0 to 1
	Seed  uint64  // of what the fault draws
	Haste bool    // the next one does not wait until all is well again
}

// perFault is how many transfers a run by number has for each strike.
const perFault = 100

// rounds is how often each fault strikes in a run.
func rounds(cfg Config, faults []Fault) int {
	var takes time.Duration
	for _, f := range faults {
		takes += f.Takes
	}
	switch {
	case takes == 0:
		return 0
	case cfg.Strikes > 0:
		return (cfg.Strikes + len(faults) - 1) / len(faults)
	case cfg.Transfers > 0:
		return max(1, cfg.Transfers/(perFault*len(faults)))
	}
	return max(1, int(cfg.Duration/takes))
}

// schedule draws when which fault strikes. Each round has every fault once, in an order of its own. One in
// four strikes while its predecessor is still being recovered from.
func schedule(seed uint64, faults []Fault, rounds int) []strike {
	rng := rand.New(rand.NewPCG(seed, 'f'))
	var all []strike
	for range rounds {
		for _, i := range rng.Perm(len(faults)) {
			all = append(all, strike{Fault: faults[i], Seed: rng.Uint64(), Haste: rng.IntN(4) == 0})
		}
	}
	for i := range all {
		all[i].At = (float64(i) + 0.5 + 0.8*(rng.Float64()-0.5)) / float64(len(all)+1)
	}
	if len(all) > 0 {
		all[len(all)-1].Haste = false
	}
	return all
}
