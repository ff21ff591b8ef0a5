package torture

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// Row is one line of the board: some faults, and how often they strike.
type Row struct {
	Name   string
	Title  string
	Faults []string
	CI     Extent // in minutes
	Long   Extent // in hours
}

// Extent is how much of a row is run.
type Extent struct{ Strikes, Transfers int }

// Board is every row, each of which is a run of its own.
func Board() []Row {
	return []Row{
		{"kills", "kill -9 of every process, one by one and all at once", []string{"kill-orchestrator", "kill-bank", "kill-broker", "kill-all"},
			Extent{52, 5_000}, Extent{1_000, 200_000}},
		{"births", "kill -9 while processes start and make their tables; ends under load", []string{"kill-starting", "kill-migrating", "stop", "second-instance"},
			Extent{8, 800}, Extent{400, 40_000}},
		{"store-deleted", "the broker's whole store deleted", []string{"store-deleted"}, Extent{3, 500}, Extent{100, 10_000}},
		{"store-damaged", "the broker's store cut, flipped and put back", []string{"store-tail-cut", "store-bit-flip", "store-state-flip", "store-old-copy"},
			Extent{32, 3_200}, Extent{1_000, 100_000}},
		{"streams", "streams emptied, deleted, repeated, poisoned; commands after their undo", []string{"stream-deleted", "stream-purged", "consumer-deleted", "repeated", "poison", "late-command"},
			Extent{6, 1_200}, Extent{600, 120_000}},
		{"pauses", "processes stopped for longer than every timeout, also with a successor", []string{"freeze-orchestrator", "freeze-bank", "freeze-broker", "freeze-succeeded"},
			Extent{20, 2_000}, Extent{500, 50_000}},
		{"disks", "full disks; syncs, writes and reads that fail", []string{"disk-full-orchestrator", "disk-full-bank", "disk-full-broker", "sync-fails", "write-fails", "read-fails"},
			Extent{6, 600}, Extent{300, 30_000}},
		{"network", "the network cut, silent, slow and reset; messages that come twice", namesOf(networkFaults), Extent{len(networkFaults), 600}, Extent{300, 30_000}},
		{"clocks", "clocks that jump ahead and back", namesOf(clockFaults), Extent{5, 500}, Extent{200, 20_000}},
		{"restored", "banks put back to an older copy of their database", namesOf(restoredFaults), Extent{7, 1_000}, Extent{200, 40_000}},
		{"everything", "every fault there is, one in four on top of another", namesOf(Faults()), Extent{len(Faults()), 4_000}, Extent{40 * len(Faults()), 200_000}},
	}
}

func namesOf(faults []Fault) []string {
	names := make([]string, len(faults))
	for i, f := range faults {
		names[i] = f.Name
	}
	return names
}

// RowResult is what a row has shown.
type RowResult struct {
	Name       string      `json:"row"`
	Title      string      `json:"title"`
	Verdict    Verdict     `json:"verdict"`
	Reasons    []string    `json:"reasons"`
	Seed       uint64      `json:"seed"`
	Types      int         `json:"fault_types"`
	Fired      int         `json:"faults_fired"`
	Transfers  Outcomes    `json:"transfers"`
	Judged     int         `json:"judged_by_each_invariant"` // finished sagas
	Violations int         `json:"violations"`
	Recovered  Percentiles `json:"recovered_seconds"` // from the end of a fault until all was well
	Drained    float64     `json:"drain_seconds"`
	Seconds    float64     `json:"seconds"`
	Void       []string    `json:"void_faults"` // that this machine cannot make
}

// Percentiles of some seconds.
type Percentiles struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

// Bound is what no violation in so many strikes says: with 95 % confidence a strike does harm less often than
// this (the rule of three: Hanley and Lippman-Hand, JAMA 249, 1983). It says nothing after a violation.
func (r *RowResult) Bound() float64 {
	if r.Violations > 0 || r.Fired == 0 {
		return 1
	}
	return min(1, 3/float64(r.Fired))
}

// RunRow runs a row at its extent in a directory of its own under cfg.Dir. What cfg says of faults and length
// does not count. A fault that this machine cannot make is left out of the run, and listed.
func RunRow(ctx context.Context, cfg Config, row Row, e Extent, progress func(Progress)) (*RowResult, error) {
	chosen, err := choose(row.Faults)
	if err != nil {
		return nil, err
	}
	can, cannot := possible(chosen)
	result := &RowResult{Name: row.Name, Title: row.Title, Seed: cfg.Seed, Reasons: []string{}, Void: []string{}}
	for _, f := range chosen {
		if why := cannot[f.Name]; why != "" {
			result.Void = append(result.Void, f.Name+": "+why)
		}
	}
	if len(can) == 0 {
		result.Verdict, result.Reasons = Void, result.Void
		return result, nil
	}
	cfg.Dir, cfg.Faults, cfg.Duration = filepath.Join(cfg.Dir, row.Name), namesOf(can), 0
	cfg.Transfers, cfg.Strikes = e.Transfers, e.Strikes
	report, err := Run(ctx, cfg, progress)
	if err != nil {
		return nil, fmt.Errorf("row %s: %w", row.Name, err)
	}
	result.take(report)
	return result, nil
}

func (r *RowResult) take(report *Report) {
	r.Verdict, r.Reasons, r.Transfers = report.Verdict, report.Reasons, report.Transfers
	r.Violations, r.Drained, r.Seconds = len(report.Violations), report.Drained, report.Seconds
	for _, i := range report.Invariants {
		if i.Name == "I2" {
			r.Judged = i.Judged
		}
	}
	var recovered []float64
	for _, f := range report.Faults {
		r.Types++
		r.Fired += f.Fired
	}
	for _, s := range report.Strikes {
		if s.Recovered > 0 {
			recovered = append(recovered, s.Recovered)
		}
	}
	if slices.Sort(recovered); len(recovered) > 0 {
		n := len(recovered)
		r.Recovered = Percentiles{P50: recovered[n/2], P99: recovered[min(n-1, n*99/100)], Max: recovered[n-1]}
	}
}

// ChooseRows finds rows by name; none named: all.
func ChooseRows(names []string) ([]Row, error) {
	all := Board()
	if len(names) == 0 {
		return all, nil
	}
	var rows []Row
	for _, name := range names {
		i := slices.IndexFunc(all, func(r Row) bool { return r.Name == name })
		if i < 0 {
			known := make([]string, len(all))
			for j, r := range all {
				known[j] = r.Name
			}
			return nil, fmt.Errorf("%w %q: one of %s", ErrRow, name, strings.Join(known, ", "))
		}
		rows = append(rows, all[i])
	}
	return rows, nil
}
