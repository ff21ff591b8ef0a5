package client

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// TestPauseAsTold holds that a client waits as long as the orchestrator asks, not much longer, and not always
// equally long; and that it is not sent away for ever.
func TestPauseAsTold(t *testing.T) {
	for told, want := range map[int]time.Duration{1: time.Second, 7: 7 * time.Second, 1 << 40: maxTold, 0: firstPause / 2, -1: firstPause / 2} {
		synctest.Test(t, func(t *testing.T) {
			seen := make(map[time.Duration]bool)
			for range 50 {
				began := time.Now()
				if err := pause(context.Background(), 0, fmt.Errorf("start: %w", &Problem{Code: CodeUnavailable, RetryAfter: told})); err != nil {
					t.Fatal(err)
				}
				took := time.Since(began)
				if seen[took] = true; took < want || took > 2*want {
					t.Errorf("told %d s, it waited %s", told, took)
				}
			}
			if len(seen) < 10 {
				t.Errorf("told %d s, 50 clients came back at only %d different times", told, len(seen))
			}
		})
	}
}
