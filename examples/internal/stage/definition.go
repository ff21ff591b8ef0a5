package stage

import (
	"os"
	"strings"
	"testing"

	"github.com/girohq/giro/saga"
)

// Parse reads a definition that must be right, and checks what it is warned of.
func Parse(t testing.TB, file string, warnings ...string) *saga.Definition {
	t.Helper()
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	def, err := saga.Parse(file, source)
	if err != nil {
		t.Fatal(err)
	}
	if len(def.Warnings) != len(warnings) {
		t.Fatalf("%s: the warnings are %q, want %q", file, def.Warnings, warnings)
	}
	for i, w := range warnings {
		if !strings.Contains(def.Warnings[i], w) {
			t.Errorf("%s: the warning is %q, want %q", file, def.Warnings[i], w)
		}
	}
	return def
}

// Refuses changes a text of a definition, and checks why that is refused.
func Refuses(t testing.TB, file, old, changed, why string) {
	t.Helper()
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(source), old) != 1 {
		t.Fatalf("%s does not have %q once", file, old)
	}
	_, err = saga.Parse(file, []byte(strings.Replace(string(source), old, changed, 1)))
	if err == nil || !strings.Contains(err.Error(), why) {
		t.Errorf("%s with %q: %v, want %q", file, changed, err, why)
	}
}
