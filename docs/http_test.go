package docs_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestHTTPPage types the commands of the page with the real curl, which is told to find the page's
// address where the test's node is.
func TestHTTPPage(t *testing.T) {
	for _, program := range []string{"curl", "jq"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("the page needs %s: %v", program, err)
		}
	}
	giro := build(t, "..", "giro", "./cmd/giro")
	url, address := startDev(t, giro)
	dir := t.TempDir()
	moved := fmt.Sprintf("connect-to = 127.0.0.1:8484:%s\n", address)
	if err := os.WriteFile(filepath.Join(dir, ".curlrc"), []byte(moved), 0o600); err != nil {
		t.Fatal(err)
	}
	readPage(t, "http.md").run(t, newSession(dir, filepath.Dir(giro), url))
}
