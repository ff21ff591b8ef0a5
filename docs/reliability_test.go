package docs_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/girohq/giro/internal/torture"
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
	files, err := filepath.Glob("reliability/long-*.json")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	long := []string{"| row | fault types | faults fired | transfers judged | violations | harm of a fault below | well again, median | p99 | at most | seed | commit |",
		"|---|--:|--:|--:|--:|--:|--:|--:|--:|---|---|"}
	for _, file := range files {
		long = append(long, boardLines(t, file)...)
	}
	fillTables(t, "reliability.md", "TestReliabilityPage", map[string][]string{"long": long, "rows": rowLines()})
}

// rowLines say how large each row is.
func rowLines() []string {
	table := []string{"| row | what it does | fault types | short: faults | transfers | long: faults | transfers |", "|---|---|--:|--:|--:|--:|--:|"}
	for _, r := range torture.Board() {
		table = append(table, fmt.Sprintf("| %s | %s | %d | %s | %s | %s | %s |", r.Name, r.Title, len(r.Faults),
			grouped(r.CI.Strikes), grouped(r.CI.Transfers), grouped(r.Long.Strikes), grouped(r.Long.Transfers)))
	}
	return table
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
