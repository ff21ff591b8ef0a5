package orchestrator

import (
	"strings"
	"testing"
	"time"
)

// TestCadence walks over the days on which clocks are set.
func TestCadence(t *testing.T) {
	for name, tt := range map[string]struct {
		cron, zone, after string
		ticks             string
	}{
		"daily":               {"0 6 * * *", "UTC", "2026-01-01T06:00:00Z", "2026-01-02T06:00:00Z 2026-01-03T06:00:00Z"},
		"in a zone":           {"0 6 * * *", "Europe/Prague", "2026-03-28T00:00:00Z", "2026-03-28T05:00:00Z 2026-03-29T04:00:00Z 2026-03-30T04:00:00Z"},
		"the hour left out":   {"30 2 * * *", "Europe/Prague", "2026-03-28T00:00:00Z", "2026-03-28T01:30:00Z 2026-03-29T01:30:00Z 2026-03-30T00:30:00Z"},
		"twice in it":         {"0,30 2 * * *", "Europe/Prague", "2026-03-28T03:00:00Z", "2026-03-29T01:00:00Z 2026-03-29T01:30:00Z 2026-03-30T00:00:00Z"},
		"from just behind it": {"30 2 * * *", "Europe/Prague", "2026-03-29T01:10:00Z", "2026-03-29T01:30:00Z 2026-03-30T00:30:00Z"},
		"the hour twice":      {"30 2 * * *", "Europe/Prague", "2026-10-24T00:00:00Z", "2026-10-24T00:30:00Z 2026-10-25T00:30:00Z 2026-10-26T01:30:00Z"},
		"from within it":      {"30 2 * * *", "Europe/Prague", "2026-10-25T01:10:00Z", "2026-10-26T01:30:00Z"},
		"two fall together":   {"0 2,3 * * *", "Europe/Prague", "2026-03-28T03:00:00Z", "2026-03-29T01:00:00Z 2026-03-30T00:00:00Z 2026-03-30T01:00:00Z"},
		"midnight left out":   {"0 0 * * *", "America/Santiago", "2026-09-05T05:00:00Z", "2026-09-06T04:00:00Z 2026-09-07T03:00:00Z"},
		"hourly, spring":      {"0 * * * *", "Europe/Prague", "2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z 2026-03-29T02:00:00Z"},
		"hourly, autumn":      {"*/30 * * * *", "Europe/Prague", "2026-10-25T00:00:00Z", "2026-10-25T00:30:00Z 2026-10-25T01:00:00Z 2026-10-25T01:30:00Z 2026-10-25T02:00:00Z"},
		"the first of March":  {"0 0 1 mar *", "UTC", "2026-01-01T00:00:00Z", "2026-03-01T00:00:00Z 2027-03-01T00:00:00Z"},
		"never":               {"0 0 30 2 *", "UTC", "2026-01-01T00:00:00Z", "0001-01-01T00:00:00Z"},
	} {
		c, err := parseCadence(tt.cron, tt.zone)
		if err != nil {
			t.Fatal(err)
		}
		at, err := time.Parse(time.RFC3339, tt.after)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for range strings.Fields(tt.ticks) {
			at = c.next(at)
			got = append(got, at.Format(time.RFC3339))
		}
		if s := strings.Join(got, " "); s != tt.ticks {
			t.Errorf("%s: %s\nwant %s", name, s, tt.ticks)
		}
	}
	for expression, says := range map[string]string{"": "cron: ", "* * * *": "five fields", "@every 5m": "no fixed times", "TZ=UTC * * * * *": "a field of its own", "61 * * * *": "cron: "} {
		if _, err := parseCadence(expression, "UTC"); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", expression, err)
		}
	}
	for _, zone := range []string{"Local", "Europe/Nowhere"} {
		if _, err := parseCadence("@daily", zone); err == nil {
			t.Errorf("there is a zone %s", zone)
		}
	}
}

func TestLatestTicks(t *testing.T) {
	at := func(s string) time.Time {
		t, _ := time.Parse(time.RFC3339, s)
		return t
	}
	for _, tt := range []struct {
		cron, from, to string
		n, want        int
		last           string
	}{
		{"* * * * *", "2020-01-01T00:00:00Z", "2026-01-01T00:00:30Z", 1, 1, "2026-01-01T00:00:00Z"},
		{"* * * * *", "2020-01-01T00:00:00Z", "2026-01-01T00:00:30Z", 1000, 1000, "2026-01-01T00:00:00Z"},
		{"0 0 29 2 *", "2016-02-29T00:00:00Z", "2027-01-01T00:00:00Z", 1, 1, "2024-02-29T00:00:00Z"},
		{"0 6 * * *", "2026-01-01T06:00:00Z", "2026-01-01T06:00:00Z", 9, 1, "2026-01-01T06:00:00Z"},
		{"0 6 * * *", "2026-01-01T06:00:00Z", "2026-01-03T05:00:00Z", 9, 2, "2026-01-02T06:00:00Z"},
	} {
		c, err := parseCadence(tt.cron, "UTC")
		if err != nil {
			t.Fatal(err)
		}
		ticks := c.latest(at(tt.from), at(tt.to), tt.n)
		if len(ticks) != tt.want || !ticks[len(ticks)-1].Equal(at(tt.last)) {
			t.Errorf("%s: %d ticks, %v", tt.cron, len(ticks), ticks[max(0, len(ticks)-2):])
		}
	}
}
