package lab

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrUnknown: there is no experiment, technique or database of that name.
var ErrUnknown = errors.New("unknown")

// Choice is what to run; an empty list is everything there is.
type Choice struct {
	Experiments []string
	Techniques  []string
	On          []string
}

// shownBy is how many operations a danger is given: it has shown itself by then.
const shownBy = 10_000

// Plan makes the cells of a choice, each under the same load, but that what claims nothing is given
// at most 10,000 operations. What needs a database that the world
// does not have is left out. Names that nothing has are [ErrUnknown].
func Plan(w *World, c Choice, load Load) ([]Cell, error) {
	all := Experiments()
	if err := c.check(all); err != nil {
		return nil, err
	}
	var cells []Cell
	for i := range all {
		e := &all[i]
		if !chosen(c.Experiments, e.Name) {
			continue
		}
		for j := range e.Techniques {
			t := &e.Techniques[j]
			if !chosen(c.Techniques, t.Name) {
				continue
			}
			for _, on := range w.On(t) {
				if chosen(c.On, string(on)) {
					cell := Cell{Experiment: e, Technique: t, On: on, Load: load}
					if !t.Claims {
						cell.Load.Ops = min(load.Ops, shownBy)
					}
					cells = append(cells, cell)
				}
			}
		}
	}
	return cells, nil
}

// Sweep makes the cells of a choice for each number of keys with each number of workers.
func Sweep(w *World, c Choice, load Load, keys, workers []int) ([]Cell, error) {
	var cells []Cell
	for _, k := range keys {
		for _, n := range workers {
			load.Keys, load.Workers = k, n
			some, err := Plan(w, c, load)
			if err != nil {
				return nil, err
			}
			cells = append(cells, some...)
		}
	}
	return cells, nil
}

func chosen(list []string, name string) bool { return len(list) == 0 || slices.Contains(list, name) }

// check refuses names that no experiment has.
func (c Choice) check(all []Experiment) error {
	var experiments, techniques []string
	for _, e := range all {
		experiments = append(experiments, e.Name)
		for _, t := range e.Techniques {
			techniques = append(techniques, t.Name)
		}
	}
	slices.Sort(techniques)
	databases := []string{string(SQLite), string(Postgres), string(Broker)}
	return errors.Join(known("experiment", c.Experiments, experiments),
		known("technique", c.Techniques, slices.Compact(techniques)), known("database", c.On, databases))
}

func known(what string, names, all []string) error {
	for _, name := range names {
		if !slices.Contains(all, name) {
			return fmt.Errorf("%w %s %q: one of %s", ErrUnknown, what, name, strings.Join(all, ", "))
		}
	}
	return nil
}
