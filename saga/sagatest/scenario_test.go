package sagatest

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the recorded traces of testdata/scenarios anew")

// TestScenarios plays the scenario files: a line of a file is a command (see stage.play), and what
// came of it is recorded below, indented. Write a new one without the traces and run with
// -update; commit only what you can explain.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/scenarios/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no scenarios", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			recorded, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			played := playAll(t, string(recorded))
			if *update {
				if err := os.WriteFile(file, []byte(played), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(string(recorded), played); diff != "" && !*update {
				t.Errorf("not as recorded:\n%s", diff)
			}
		})
	}
}

// playAll returns the file as it should be recorded.
func playAll(t *testing.T, file string) string {
	s := newStage(t)
	var b strings.Builder
	for line := range strings.Lines(file) {
		command := strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "    "): // recorded
			continue
		case command == "" || strings.HasPrefix(command, "#"):
		default:
			b.WriteString(command + "\n" + s.play(command))
			continue
		}
		b.WriteString(line)
	}
	for _, v := range s.audit.violations {
		t.Errorf("broken: %s", v)
	}
	return b.String()
}
