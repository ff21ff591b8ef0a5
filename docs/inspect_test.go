package docs_test

import (
	"path/filepath"
	"testing"
)

// TestInspectWithNATS types the commands of the page with the real nats command.
func TestInspectWithNATS(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds the nats command, which takes a minute: `make nats-cli` runs it")
	}
	nats := build(t, "../tools", "nats", "github.com/nats-io/natscli/nats")
	giro := build(t, "..", "giro", "./cmd/giro")
	url, _ := startDev(t, giro)
	readPage(t, "inspect-with-nats.md").run(t, newSession(t.TempDir(), filepath.Dir(nats), url))
}
