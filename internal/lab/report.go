package lab

import (
	"context"
	"fmt"
	"runtime"
)

// Report is what a number of cells have shown.
type Report struct {
	Version    string   `json:"version"` // of the program
	Go         string   `json:"go"`
	CPUs       int      `json:"cpus"`
	Durability string   `json:"durability"`
	Seed       uint64   `json:"seed"`
	Ops        int      `json:"ops"`               // asked of each cell
	Without    string   `json:"without,omitempty"` // why there is no Postgres
	Results    []Result `json:"results"`
	// Broken are the results that contradict what they are for: a cure with an anomaly, or, unless
	// this is a sweep, a danger that did not show itself.
	Broken []string `json:"broken"`
	Swept  bool     `json:"swept"`
}

// OK reports whether nothing is broken.
func (r *Report) OK() bool { return len(r.Broken) == 0 }

// RunAll measures the cells one after the other. begun, if not nil, is called before each, and
// progress during it.
func RunAll(ctx context.Context, w *World, cells []Cell, swept bool, begun func(n int, c Cell), progress func(done int)) (*Report, error) {
	r := &Report{Go: runtime.Version(), CPUs: runtime.GOMAXPROCS(0), Durability: w.Durability(), Results: []Result{}, Broken: []string{}, Swept: swept}
	if w.without != nil {
		r.Without = w.without.Error()
	}
	for n, c := range cells {
		r.Seed, r.Ops = c.Load.Seed, c.Load.Ops
		if begun != nil {
			begun(n, c)
		}
		one, err := Run(ctx, w, c, progress)
		if err != nil {
			return r, err
		}
		r.Results = append(r.Results, one)
		if why := one.Broken(); why != "" && (!swept || one.Claims) {
			r.Broken = append(r.Broken, fmt.Sprintf("%s, %s on %s: %s", one.Experiment, one.Technique, one.On, why))
		}
	}
	return r, nil
}
