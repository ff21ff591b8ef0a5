package races

import (
	"os"
	"strings"
	"testing"
)

// TestPage: docs/sight.md has a row for each race, with its sentence.
func TestPage(t *testing.T) {
	page, err := os.ReadFile("../docs/sight.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range Kinds() {
		if row := "| `" + k.Name() + "` | " + k.Sentence() + " |\n"; !strings.Contains(string(page), row) {
			t.Errorf("missing: %s", row)
		}
	}
}
