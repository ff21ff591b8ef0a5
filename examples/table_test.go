// Package examples_test counts the lines that the table of README.md shows.
package examples_test

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// row is a line of the table in README.md: | [name](name) | what it shows | definition | Go | SQL |
var row = regexp.MustCompile(`(?m)^\| \[([a-z-]+)\]\(([a-z-]+)\) \|.*\| (\d+ \| \d+ \| \d+) \|$`)

// noSaga are the folders that show something else than a saga.
var noSaga = []string{"internal", "load", "http-client"}

// TestTable counts what the table says of each example: its lines that are neither blank nor a comment.
func TestTable(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]string{}
	for _, m := range row.FindAllStringSubmatch(string(readme), -1) {
		if said[m[1]] = m[3]; m[1] != m[2] {
			t.Errorf("README.md: %s links to %s", m[1], m[2])
		}
	}
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		name := e.Name()
		if !e.IsDir() || slices.Contains(noSaga, name) {
			continue
		}
		want := fmt.Sprintf("%d | %d | %d", lines(t, name, ".yaml", "#"), lines(t, name, ".go", "//"), lines(t, name, ".sql", "--"))
		if said[name] != want {
			t.Errorf("README.md: the row of %s must end with | %s |, and it says %q", name, want, said[name])
		}
		if _, err := os.Stat(filepath.Join(name, "README.md")); err != nil && name != "first-saga" { // its page is in docs
			t.Error(err)
		}
		delete(said, name)
	}
	for name := range said {
		t.Errorf("README.md: there is no example %s", name)
	}
}

// lines counts those of the files with an extension in an example and the folders in it, tests left out.
func lines(t *testing.T, example, ext, comment string) (n int) {
	t.Helper()
	err := filepath.WalkDir(example, func(name string, d os.DirEntry, err error) error {
		if err != nil || filepath.Ext(name) != ext || strings.HasSuffix(name, "_test.go") {
			return err
		}
		text, err := os.ReadFile(name)
		for s := bufio.NewScanner(bytes.NewReader(text)); s.Scan(); {
			if line := strings.TrimSpace(s.Text()); line != "" && !strings.HasPrefix(line, comment) {
				n++
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}
