package main

import (
	"strings"
	"syscall"
	"testing"
)

// TestEndsAtItsStart holds that a service ends in order as soon as it says that it is there.
func TestEndsAtItsStart(t *testing.T) {
	for name, args := range map[string][]string{
		"orchestrator": {"serve", "--server", nobody, "--data", t.TempDir()},
		"bank":         {"participant", "ledger", "--bank", "A", "--server", nobody, "--data", t.TempDir()},
		"dev":          {"dev", "--nats", "none", "--http", "none", "--data", t.TempDir()},
	} {
		for range 8 {
			p := giro(t, args...)
			p.watch(t, func() bool { return strings.Contains(p.stderr.String(), "data ") })
			if code := p.end(t, syscall.SIGTERM); code != exitOK {
				t.Fatalf("%s: exit code %d\n%s", name, code, p.stderr.String())
			}
		}
	}
}
