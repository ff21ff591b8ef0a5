package outbox

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The heap against a sorted list: same order, for any adds and removals.
func TestScheduleKeepsOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s schedule
		var plain []*row
		start := time.Unix(1000, 0)
		for i := range rapid.IntRange(1, 60).Draw(t, "rows") {
			r := &row{seq: int64(i)}
			s.add(r, start.Add(time.Duration(rapid.IntRange(0, 9).Draw(t, "at"))*time.Second))
			plain = append(plain, r)
			if rapid.IntRange(0, 3).Draw(t, "remove") == 0 {
				gone := rapid.IntRange(0, len(plain)-1).Draw(t, "which")
				plain[gone].unschedule()
				plain[gone].unschedule() // harmless
				plain = slices.Delete(plain, gone, gone+1)
			}
		}
		slices.SortStableFunc(plain, func(a, b *row) int { return a.at.Compare(b.at) })
		for _, want := range plain {
			if s.due(want.at.Add(-1)) != nil && s[0].at.Equal(want.at) {
				t.Fatal("due before its time")
			}
			got := s.due(want.at)
			if got != want || s.first() != want.at {
				t.Fatalf("row %+v, want %+v", got, want)
			}
			got.unschedule()
		}
		if len(s) != 0 || !s.first().IsZero() {
			t.Fatalf("%d left", len(s))
		}
	})
}
