package outbox

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestOnlyALoopUnderLoadWaits: a lone item and a loop without load commit at once; under load the
// wait ends with as much company as before, or after a moment.
func TestOnlyALoopUnderLoadWaits(t *testing.T) {
	for name, tt := range map[string]struct {
		last, waiting, later int // items of the batch before; queued already; sent by and by
		want                 int
		waits                time.Duration
	}{
		"alone":                   {last: 1, want: 1},
		"after a small batch":     {last: busy - 1, want: 1},
		"as many as before":       {last: 6, waiting: 5, want: 6},
		"fewer, and more comes":   {last: 6, waiting: 1, later: 4, want: 6, waits: 4 * linger / 10},
		"fewer, and nothing more": {last: 6, waiting: 2, want: 3, waits: linger},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := NewLoop[int](nil, nil, 16)
				l.last = tt.last
				for i := range tt.waiting {
					l.queue <- i
				}
				go func() {
					for i := range tt.later {
						<-time.After(linger / 10)
						l.queue <- i
					}
				}()
				begin := time.Now()
				l.gather(0)
				if len(l.batch) != tt.want || time.Since(begin) != tt.waits {
					t.Errorf("%d items after %s, want %d after %s", len(l.batch), time.Since(begin), tt.want, tt.waits)
				}
				synctest.Wait()
			})
		})
	}
}
