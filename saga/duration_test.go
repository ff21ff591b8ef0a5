package saga

import (
	"testing"
	"time"
)

func TestParseDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"200ms": 200 * time.Millisecond, "1h30m": 90 * time.Minute, "3d": 72 * time.Hour, "1d12h": 36 * time.Hour,
		"0d1s": time.Second, "1.5h": 90 * time.Minute, "106751d": 106751 * 24 * time.Hour,
	} {
		if got, err := ParseDuration(text); err != nil || got != want {
			t.Errorf("%s: %s, %v", text, got, err)
		}
	}
	for _, bad := range []string{"", "5", "d", "0", "0s", "0d", "-1s", "-1d", "1d-1h", "1d-1s", "3 d", "1d2d", "1.5d", "106752d", "213504d", "106751d24h",
		"99999999999999999999d", "x", "1w", "3d5"} {
		if got, err := ParseDuration(bad); err == nil {
			t.Errorf("%q is %s", bad, got)
		}
	}
}
