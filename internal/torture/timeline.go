package torture

import (
	"slices"
	"sync"
	"time"
)

// timeline counts what happened in each second of a run.
type timeline struct {
	mu      sync.Mutex
	began   time.Time
	seconds []second
}

// second is one second, with some of its latencies until it is summed up.
type second struct {
	Second
	accepts, ends []time.Duration
}

// Second is what happened in one second of a run. Latencies are in milliseconds, from when a transfer was
// first asked for; 0: there were none.
type Second struct {
	Asked     int     `json:"asked"`
	Accepted  int     `json:"accepted"`
	Ended     int     `json:"ended"`
	AcceptP50 float64 `json:"accept_p50_ms"`
	AcceptP99 float64 `json:"accept_p99_ms"`
	EndP50    float64 `json:"end_p50_ms"`
	EndP99    float64 `json:"end_p99_ms"`
}

// kept bounds the latencies of one second that are kept.
const kept = 512

func newTimeline() *timeline { return &timeline{began: time.Now()} }

// now is the second of this moment. Those that are over are summed up.
func (t *timeline) now() *second {
	n := int(time.Since(t.began) / time.Second)
	for len(t.seconds) <= n {
		if last := len(t.seconds) - 1; last >= 0 {
			t.seconds[last].sum()
		}
		t.seconds = append(t.seconds, second{})
	}
	return &t.seconds[len(t.seconds)-1]
}

func (s *second) sum() {
	s.AcceptP50, s.AcceptP99 = quantiles(s.accepts)
	s.EndP50, s.EndP99 = quantiles(s.ends)
	s.accepts, s.ends = nil, nil
}

func quantiles(all []time.Duration) (p50, p99 float64) {
	if len(all) == 0 {
		return 0, 0
	}
	slices.Sort(all)
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	return ms(all[len(all)/2]), ms(all[len(all)*99/100])
}

func (t *timeline) asked() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.now().Asked++
}

func (t *timeline) accepted(took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.now()
	s.Accepted++
	if len(s.accepts) < kept {
		s.accepts = append(s.accepts, took)
	}
}

func (t *timeline) ended(took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.now()
	s.Ended++
	if len(s.ends) < kept {
		s.ends = append(s.ends, took)
	}
}

// all is every second so far.
func (t *timeline) all() []Second {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.now().sum()
	all := make([]Second, len(t.seconds))
	for i := range t.seconds {
		all[i] = t.seconds[i].Second
	}
	return all
}

// at is where a moment is in the run, in seconds.
func (t *timeline) at(moment time.Time) float64 { return moment.Sub(t.began).Seconds() }
