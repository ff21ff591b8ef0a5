package torture

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// Fault is one way to break something.
type Fault struct {
	Name     string
	Sentence string        // what it does
	Takes    time.Duration // about, on an idle machine, until all is well again
	// Needs says why this machine cannot make it. nil: any can.
	Needs func() error
	// Strike does it, and says to whom. It returns nil only if it really happened; a [*Violation] if what
	// happened must not.
	Strike    func(context.Context, *system, *rand.Rand) (detail string, err error)
	linked    bool // needs the links between the processes and the broker
	preloaded bool // needs a layer between SQLite and its files
}

// errNotFired: there was nothing to strike.
var errNotFired = errors.New("there was nothing to strike")

// Faults are all there are, by family.
func Faults() []Fault {
	var all []Fault
	for _, family := range [][]Fault{processFaults, birthFaults, storeFaults, diskFaults, streamFaults, poisonFaults, lateFaults, clockFaults, successorFaults, restoredFaults, networkFaults} {
		all = append(all, family...)
	}
	return all
}

// choose finds faults by name; none named: all.
func choose(names []string) ([]Fault, error) {
	all := Faults()
	if len(names) == 0 {
		return all, nil
	}
	var chosen []Fault
	for _, name := range names {
		i := 0
		for i < len(all) && all[i].Name != name {
			i++
		}
		if i == len(all) {
			known := make([]string, len(all))
			for j := range all {
				known[j] = all[j].Name
			}
			return nil, fmt.Errorf("%w %q: one of %s", ErrUnknown, name, strings.Join(known, ", "))
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

// possible tells the faults that this machine can make from those it cannot.
func possible(chosen []Fault) (can []Fault, cannot map[string]string) {
	cannot = make(map[string]string)
	for _, f := range chosen {
		if f.Needs != nil {
			if err := f.Needs(); err != nil {
				cannot[f.Name] = err.Error()
				continue
			}
		}
		can = append(can, f)
	}
	return can, cannot
}
