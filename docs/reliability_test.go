package docs_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// boardReport is what `giro torture board -o json` has written.
type boardReport struct {
	Commit  string
	Machine string
	Rows    []boardRow
}

type boardRow struct {
	Row, Title, Verdict string
	Seed                uint64
	Types               int `json:"fault_types"`
	Fired               int `json:"faults_fired"`
	Judged              int `json:"judged_by_each_invariant"`
	Violations          int
	Recovered           struct{ P50, P99, Max float64 } `json:"recovered_seconds"`
	Drained             float64                         `json:"drain_seconds"`
	Void                []string                        `json:"void_faults"`
}

// TestReliabilityPage: the board of reliability.md says what was measured, which is in docs/reliability; no row is
// red or void.
func TestReliabilityPage(t *testing.T) {
	tables := map[string][]string{}
	for name, pattern := range map[string]string{"short": "reliability/short.json", "long": "reliability/long-*.json"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		table := []string{"| row | fault types | faults fired | transfers judged | violations | harm of a fault below | well again, median | p99 | at most | seed | commit |",
			"|---|--:|--:|--:|--:|--:|--:|--:|--:|---|---|"}
		for _, file := range files {
			for _, line := range boardLines(t, file) {
				table = append(table, line)
			}
		}
		tables[name] = table
	}
	fillTables(t, "reliability.md", "TestReliabilityPage", tables)
}

func boardLines(t *testing.T, file string) (lines []string) {
	t.Helper()
	var b boardReport
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, &b)
	}
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	for _, r := range b.Rows {
		if r.Verdict != "green" || r.Violations > 0 || r.Fired == 0 || len(r.Void) > 0 {
			t.Errorf("%s: row %s is %s: %d violations, %d fired, void %v", file, r.Row, r.Verdict, r.Violations, r.Fired, r.Void)
		}
		lines = append(lines, fmt.Sprintf("| %s | %d | %s | %s | %d | %.2g %% | %.2f s | %.2f s | %.2f s | %d | %.8s |", r.Row, r.Types, grouped(r.Fired), grouped(r.Judged),
			r.Violations, 100*min(1, 3/float64(r.Fired)), r.Recovered.P50, r.Recovered.P99, r.Recovered.Max, r.Seed, b.Commit))
	}
	return lines
}
