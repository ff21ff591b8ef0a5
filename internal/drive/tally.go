package drive

import (
	"encoding/json"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/girohq/giro/saga"
)

// Tally counts sagas by how they ended. It may be read while a driver adds to it.
type Tally struct {
	mu      sync.Mutex
	counts  Counts
	causes  map[string]int
	example map[saga.State]string
	latency *hdrhistogram.Histogram
	groups  map[string]*hdrhistogram.Histogram
}

// Counts are numbers of sagas by their state.
type Counts struct {
	Completed   int
	Compensated int
	Suspended   int
	Abandoned   int
}

// Sum is the number of all of them.
func (c Counts) Sum() int { return c.Completed + c.Compensated + c.Suspended + c.Abandoned }

// Latency says how long sagas took from their start to the answer that they had ended.
type Latency struct {
	P50, P99, Max time.Duration
}

// MarshalJSON writes milliseconds.
func (l Latency) MarshalJSON() ([]byte, error) {
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	return json.Marshal(struct {
		P50 float64 `json:"p50"`
		P99 float64 `json:"p99"`
		Max float64 `json:"max"`
	}{ms(l.P50), ms(l.P99), ms(l.Max)})
}

// longest is the longest latency that is told apart; three digits of it are exact.
const longest = time.Hour

// NewTally makes an empty tally.
func NewTally() *Tally {
	return &Tally{
		causes: make(map[string]int), example: make(map[saga.State]string),
		latency: newHistogram(), groups: make(map[string]*hdrhistogram.Histogram),
	}
}

func newHistogram() *hdrhistogram.Histogram { return hdrhistogram.New(1, longest.Microseconds(), 3) }

// Add counts one saga that has ended or is suspended. Its latency counts for its group as well, if it has one.
func (t *Tally) Add(doc *saga.Document, group string, took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch doc.State {
	case saga.Completed:
		t.counts.Completed++
	case saga.Compensated:
		t.counts.Compensated++
	case saga.Suspended:
		t.counts.Suspended++
	case saga.Abandoned:
		t.counts.Abandoned++
	}
	if _, ok := t.example[doc.State]; !ok {
		t.example[doc.State] = doc.ID
	}
	if doc.Cause != nil {
		t.causes[reason(doc.Cause)]++
	}
	us := min(max(took, time.Microsecond), longest).Microseconds()
	_ = t.latency.RecordValue(us) // it is in range
	if group == "" {
		return
	}
	if t.groups[group] == nil {
		t.groups[group] = newHistogram()
	}
	_ = t.groups[group].RecordValue(us)
}

// reason is a cause in one word, such as insufficient_funds.
func reason(c *saga.Cause) string {
	if c.Code != "" {
		return c.Code
	}
	return string(c.Kind)
}

// Counts returns the counts so far.
func (t *Tally) Counts() Counts {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.counts
}

// Causes counts the sagas that did not simply complete, by what stopped them.
func (t *Tally) Causes() map[string]int {
	t.mu.Lock()
	defer t.mu.Unlock()
	causes := make(map[string]int, len(t.causes))
	for cause, n := range t.causes {
		causes[cause] = n
	}
	return causes
}

// Example returns the id of a saga that ended in a state, or "".
func (t *Tally) Example(state saga.State) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.example[state]
}

// Latency returns the latency of all sagas counted so far; zero if there are none.
func (t *Tally) Latency() Latency {
	t.mu.Lock()
	defer t.mu.Unlock()
	return latencyOf(t.latency)
}

// LatencyOf is [Tally.Latency] of one group.
func (t *Tally) LatencyOf(group string) Latency {
	t.mu.Lock()
	defer t.mu.Unlock()
	if h := t.groups[group]; h != nil {
		return latencyOf(h)
	}
	return Latency{}
}

func latencyOf(h *hdrhistogram.Histogram) Latency {
	at := func(percent float64) time.Duration {
		return time.Duration(h.ValueAtQuantile(percent)) * time.Microsecond
	}
	return Latency{P50: at(50), P99: at(99), Max: time.Duration(h.Max()) * time.Microsecond}
}
