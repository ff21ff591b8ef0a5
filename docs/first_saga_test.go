package docs_test

import (
	"os"
	"path/filepath"
	"testing"
)

// TestFirstSaga types the commands of the page, with the shop as a process of its own.
func TestFirstSaga(t *testing.T) {
	dir := t.TempDir()
	giro := build(t, "..", "giro", "./cmd/giro")
	examples, err := filepath.Abs("../examples")
	if err != nil {
		t.Fatal(err)
	}
	for name, is := range map[string]string{"giro": giro, "shop": build(t, "..", "shop", "./examples/first-saga"), "examples": examples} {
		if err := os.Symlink(is, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	url, _ := startDev(t, giro)
	readPage(t, "first-saga.md").run(t, newSession(dir, dir, url))
}
