package outbox

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// In no span of time do re-sends take more than their rate and one burst.
func TestPaceBoundsEverySpan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var p pace
		now := time.Unix(1000, 0)
		load := rapid.SampledFrom([]int{0, 50, 900, 5000}).Draw(t, "first sends a second")
		var taken []time.Time
		for range 3000 {
			now = now.Add(time.Duration(rapid.IntRange(0, 2000).Draw(t, "µs")) * time.Microsecond)
			if load > 0 {
				p.count(now, rapid.IntRange(0, 2*load/1000+1).Draw(t, "sent"))
			}
			for p.take(now) {
				p.count(now, 1)
				taken = append(taken, now)
			}
		}
		// The highest rate of first sends drawn above, over a step of 1 ms on average.
		rate := max(minResends, float64(2*load+2000)*2/resendShare)
		for i := range taken {
			for _, n := range []int{1, 20, 100, 1000} {
				if i+n >= len(taken) {
					break
				}
				span := taken[i+n].Sub(taken[i]).Seconds()
				if float64(n) > rate*span+rate*burst.Seconds()+1 {
					t.Fatalf("%d re-sends in %.3f s at a rate of %.0f", n+1, span, rate)
				}
			}
		}
	})
}

func TestPaceGrowsWithTheSendRate(t *testing.T) {
	for sends, want := range map[int]int{0: 100, 500: 100, 5_000: 500, 20_000: 2_000} {
		var p pace
		now := time.Unix(1000, 0)
		taken := 0
		for ms := range 4000 {
			now = now.Add(time.Millisecond)
			p.count(now, sends/1000)
			if ms%1000 < sends%1000 {
				p.count(now, 1)
			}
			for p.take(now) {
				if ms >= 2000 {
					taken++
				}
			}
		}
		if got := taken / 2; got < want*95/100 || got > want*105/100 {
			t.Errorf("%d sends a second: %d re-sends a second, want %d", sends, got, want)
		}
	}
}

func TestPaceReady(t *testing.T) {
	var p pace
	now := time.Unix(1000, 0)
	for p.take(now) {
	}
	at := p.ready(now)
	if wait := at.Sub(now); wait <= 0 || wait > 11*time.Millisecond {
		t.Fatalf("the next token after %v", wait)
	}
	if p.take(at.Add(-2*time.Microsecond)) || !p.take(at) {
		t.Fatal("ready is not when the token is there")
	}
}

func TestBackoff(t *testing.T) {
	for failures, want := range map[int]time.Duration{
		1: time.Second, 2: 2 * time.Second, 6: 32 * time.Second, 7: time.Minute, 100: time.Minute,
	} {
		if got := backoff(failures, 0); got != want {
			t.Errorf("after %d failures: %v, want %v", failures, got, want)
		}
		if got := backoff(failures, 0.999999); got < want*3/4 || got > want*76/100 {
			t.Errorf("after %d failures, shortest: %v of %v", failures, got, want)
		}
	}
}
