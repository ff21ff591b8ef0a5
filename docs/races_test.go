package docs_test

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// labReport is what `giro lab -o json` has written.
type labReport struct {
	Version, Go, Durability string
	CPUs                    int
	Ops                     int
	Results                 []labResult
	Broken                  []string
}

type labResult struct {
	Experiment, Technique, On string
	Workers, Keys             int
	Ops, Refused, Anomalies   int
	Conflicts, Retries        int64
	PerSecond                 float64 `json:"per_second"`
	P50                       int64   `json:"p50_us"`
	P99                       int64   `json:"p99_us"`
	Claims                    bool
}

// measured stands above a table that is made of what was measured, and is kept beside the page.
const measured = "<!-- measured: "

// documentedOps is how many operations of each cure have been run for the page.
const documentedOps = 100_000

// TestRacesPage: the tables of races.md say what was measured, which is in docs/races; each cure was run
// often enough and had no anomaly, and what protects nothing had some.
func TestRacesPage(t *testing.T) {
	experiments, sweep := readLab(t, "races/experiments.json"), readLab(t, "races/sweep.json")
	for _, r := range experiments.Results {
		switch {
		case r.Claims && r.Ops+r.Refused < documentedOps:
			t.Errorf("%s, %s on %s: %d operations", r.Experiment, r.Technique, r.On, r.Ops+r.Refused)
		case r.Claims != (r.Anomalies == 0):
			t.Errorf("%s, %s on %s: %d anomalies", r.Experiment, r.Technique, r.On, r.Anomalies)
		}
	}
	fillTables(t, "races.md", "TestRacesPage", labTables(experiments, sweep))
}

// fillTables holds the measured tables of a page to what they must be, or writes them anew.
func fillTables(t *testing.T, file, test string, tables map[string][]string) {
	t.Helper()
	p := readPage(t, file)
	var lines []string
	for i := 0; i < len(p.lines); i++ {
		lines = append(lines, p.lines[i])
		name, is := strings.CutPrefix(p.lines[i], measured)
		if !is {
			continue
		}
		name = strings.TrimSuffix(name, " -->")
		table, ok := tables[name]
		if !ok {
			t.Errorf("there is no table %q", name)
		}
		delete(tables, name)
		from := i + 1
		for i+1 < len(p.lines) && strings.HasPrefix(p.lines[i+1], "|") {
			i++
		}
		if !slices.Equal(p.lines[from:i+1], table) && !*update {
			t.Errorf("table %s is not what was measured; `go test ./docs -run %s -update` makes it anew", name, test)
		}
		lines = append(lines, table...)
	}
	for name := range tables {
		t.Errorf("%s does not show table %s", file, name)
	}
	if *update && !t.Failed() {
		if err := os.WriteFile(p.file, []byte(strings.Join(lines, "\n")), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func readLab(t *testing.T, file string) (r labReport) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// labTables are the tables by their names: one for each experiment, and three of the sweep.
func labTables(experiments, sweep labReport) map[string][]string {
	tables := map[string][]string{}
	for _, r := range experiments.Results {
		rows := tables[r.Experiment]
		if rows == nil {
			rows = []string{"| technique | on | operations | anomalies | conflicts | ops/s | p50 | p99 |", "|---|---|--:|--:|--:|--:|--:|--:|"}
		}
		tables[r.Experiment] = append(rows, fmt.Sprintf("| %s | %s | %s | %s | %s | %s | %s | %s |", r.Technique, r.On, grouped(r.Ops+r.Refused),
			grouped(r.Anomalies), grouped(int(r.Conflicts)), grouped(int(r.PerSecond)), took(r.P50), took(r.P99)))
	}
	var accounts []int
	for _, r := range sweep.Results {
		accounts = append(accounts, r.Keys)
	}
	tables["alone"] = contention(sweep, 1, slices.Max(accounts))
	tables["hot"] = contention(sweep, 64, 1)
	tables["cold"] = contention(sweep, 64, slices.Max(accounts))
	return tables
}

// contention compares the techniques under one load.
func contention(sweep labReport, workers, keys int) []string {
	rows := []string{"| technique | SQLite ops/s | p50 | p99 | conflicts in 100 | Postgres ops/s | p50 | p99 | conflicts in 100 |", "|---|--:|--:|--:|--:|--:|--:|--:|--:|"}
	cells := map[string]string{}
	var names []string
	for _, r := range sweep.Results {
		if r.Workers != workers || r.Keys != keys {
			continue
		}
		if !slices.Contains(names, r.Technique) {
			names = append(names, r.Technique)
		}
		cells[r.Technique+r.On] = fmt.Sprintf(" %s | %s | %s | %.1f |", grouped(int(r.PerSecond)), took(r.P50), took(r.P99),
			100*float64(r.Conflicts)/float64(r.Ops+r.Refused))
	}
	for _, name := range names {
		row := "| " + name + " |"
		for _, on := range []string{"sqlite", "postgres"} {
			cell, ok := cells[name+on]
			if !ok {
				cell = " | | | |"
			}
			row += cell
		}
		rows = append(rows, row)
	}
	return rows
}

func grouped(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return grouped(n/1000) + fmt.Sprintf(",%03d", n%1000)
}

// took is a latency of so many microseconds with two digits or three.
func took(us int64) string {
	d := time.Duration(us) * time.Microsecond
	switch {
	case d >= 10*time.Second:
		return d.Round(100 * time.Millisecond).String()
	case d >= 10*time.Millisecond:
		return d.Round(time.Millisecond).String()
	case d >= time.Millisecond:
		return d.Round(100 * time.Microsecond).String()
	}
	return d.String()
}
