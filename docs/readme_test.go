package docs_test

import (
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/girohq/giro/saga"
)

// TestReadmeSaga reads the saga that the README shows.
func TestReadmeSaga(t *testing.T) {
	_, rest, found := strings.Cut(read(t, "../README.md"), fence+"yaml\n")
	source, _, closed := strings.Cut(rest, "\n"+fence)
	if !found || !closed {
		t.Fatal("the README shows no saga")
	}
	def, err := saga.Parse("README.md", []byte(source))
	if err != nil {
		t.Fatal(err)
	}
	if pay, _ := def.Step("pay"); pay.Kind != saga.Pivot {
		t.Errorf("pay is %s, and the README calls it the pivot", pay.Kind)
	}
}

// TestReadmeNamesRealTests finds every test that the README names for a promise.
func TestReadmeNamesRealTests(t *testing.T) {
	have := make(map[string]bool)
	tests := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	root := os.DirFS("..")
	err := fs.WalkDir(root, ".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := fs.ReadFile(root, path)
		for _, m := range tests.FindAllSubmatch(source, -1) {
			have[string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`(Test\\w+)`").FindAllStringSubmatch(read(t, "../README.md"), -1)
	if len(named) < 20 {
		t.Errorf("the README names %d tests", len(named))
	}
	for _, m := range named {
		if !have[m[1]] {
			t.Errorf("the README names %s, and there is no such test", m[1])
		}
	}
}
