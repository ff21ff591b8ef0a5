//go:build linux

package torture

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/girohq/giro/internal/farm"
)

// TestNothingIsLeft holds that no process outlives a run that is interrupted, or killed itself, and that
// an interrupted one removes its temporary directory.
func TestNothingIsLeft(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGKILL} {
		t.Run(sig.String(), func(t *testing.T) {
			tmp := t.TempDir()
			t.Setenv("TMPDIR", tmp)
			var said strings.Builder
			p := &farm.Process{Name: "torture", Args: []string{giro, "torture", "--faults", "kill-bank"}, Output: &said}
			if err := p.Start(); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			var pids []int
			for _, lock := range []string{"broker/lock", "data/orchestrator.db.lock", "data/ledger-C.db.lock"} {
				pids = append(pids, lockedBy(t, ctx, filepath.Join(tmp, "giro-torture-*", lock)))
			}
			_ = p.End(ctx, sig) // it has ended by that signal
			for _, pid := range pids {
				for !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
					if !rest(ctx, 10*time.Millisecond) {
						t.Fatalf("process %d is still there: %s", pid, said.String())
					}
				}
			}
			if left, err := os.ReadDir(tmp); sig == syscall.SIGINT && (err != nil || len(left) > 0) {
				t.Errorf("left are %v, %v", left, err)
			}
		})
	}
}

// lockedBy waits for a lock file and returns the pid in it.
func lockedBy(t *testing.T, ctx context.Context, pattern string) int {
	t.Helper()
	for {
		if found, _ := filepath.Glob(pattern); len(found) == 1 {
			text, _ := os.ReadFile(found[0])
			if pid, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil {
				return pid
			}
		}
		if !rest(ctx, 10*time.Millisecond) {
			t.Fatalf("nothing in %s", pattern)
		}
	}
}
