package overload

import (
	"encoding/json"
	"flag"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/girohq/giro/internal/drive"
	"github.com/girohq/giro/internal/wire"
	"github.com/nats-io/nats.go"
)

var (
	during = flag.Duration("overload.for", 2*time.Second, "length of the storm")
	times  = flag.Float64("overload.times", 10, "how many times the capacity is offered")
)

// tide is what became of the requests of a storm.
type tide struct {
	mu       sync.Mutex
	sent     int
	accepted int
	refused  int
	rude     int // refusals without a time to come back
	other    int
	slowest  time.Duration // answer
	at       map[string]time.Time
	end      func()
}

func (s *tide) answered(w *world, m *nats.Msg) {
	var p wire.Problem
	problem := m.Header.Get("Nats-Service-Error-Code") != ""
	if problem {
		w.must(json.Unmarshal(m.Data, &p))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.slowest = max(s.slowest, time.Since(s.at[m.Subject]))
	delete(s.at, m.Subject)
	switch {
	case !problem && len(m.Data) > 0:
		s.accepted++
	case p.Code != wire.CodeUnavailable:
		s.other++
	default:
		s.refused++
		if p.RetryAfter < 1 {
			s.rude++
		}
	}
}

// storm sends requests by the clock, whatever is answered, and until somebody is refused, or for most at the longest.
// Answers count until its end is called.
func (w *world) storm(rate float64, during, most time.Duration, next func() drive.Job) *tide {
	w.Helper()
	s := &tide{at: make(map[string]time.Time)}
	inbox := nats.NewInbox()
	sub, err := w.conn.Subscribe(inbox+".*", func(m *nats.Msg) { s.answered(w, m) })
	w.must(err)
	w.must(sub.SetPendingLimits(-1, -1))
	s.end = func() { w.must(sub.Unsubscribe()) }
	began := time.Now()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for passed := time.Duration(0); passed < during || s.calm() && passed < most; passed = time.Since(began) {
		for float64(s.sent) < rate*passed.Seconds() {
			job := next()
			m := &nats.Msg{Subject: "saga.api.v1.start." + job.Type, Reply: inbox + "." + job.ID, Data: job.Input, Header: nats.Header{"Saga-Id": {job.ID}}}
			s.mu.Lock()
			s.at[m.Reply], s.sent = time.Now(), s.sent+1
			s.mu.Unlock()
			w.must(w.conn.PublishMsg(m))
		}
		<-tick.C
	}
	return s
}

// calm says that nobody was refused yet.
func (s *tide) calm() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refused == 0
}

// open is how many requests are not answered.
func (s *tide) open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.at)
}

// TestStorm offers ten times what a shop can do. Who is turned away hears when to come back, what was
// accepted is done nearly as fast as ever, memory is bounded, and afterwards all is as before.
func TestStorm(t *testing.T) {
	in(t, 0, 5*time.Minute, func(w *world) {
		defer w.open("shop", 50*time.Microsecond)()
		w.judge(func() drive.Job { return buy("shop") }, 0.7)
	})
}

// TestStormOfTransfers is the same where the machine itself is the limit, which the storm's own making
// shares: half of the peak is a good share there.
func TestStormOfTransfers(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes the whole machine")
	}
	in(t, 0, 10*time.Minute, func(w *world) {
		n := 0
		w.judge(func() drive.Job { n++; return pay(fmt.Sprint(n%accounts), n/accounts) }, 0.3)
	})
}

func (w *world) judge(next func() drive.Job, share float64) {
	var turn sync.Mutex
	one := func() drive.Job { turn.Lock(); defer turn.Unlock(); return next() }
	w.closed(64, time.Second, one)
	alone := w.closed(1, time.Second, one).Latency()
	began := time.Now()
	peak := float64(w.closed(256, *during/2, one).Counts().Sum()) / time.Since(began).Seconds()
	before, done := heap(), w.count(finished)
	began = time.Now()
	s := w.storm(*times*peak, *during, 15**during, one) // short queues are no overload, and a slow machine makes short ones
	stormed := time.Since(began)
	open, unanswered := w.count(unfinished), s.open()
	full := heap() - before
	took := w.rest()
	goodput := float64(w.count(finished)-done) / time.Since(began).Seconds() // what is accepted is work until it is done
	s.end()
	again := w.closed(1, time.Second, one).Latency()
	after := heap() - before
	w.Logf("peak %.0f/s, offered %.0f/s (%d in all): %d accepted, %d refused with a time to come back, %d without, %d otherwise; slowest answer %s",
		peak, float64(s.sent)/stormed.Seconds(), s.sent, s.accepted, s.refused-s.rude, s.rude, s.other, s.slowest.Round(time.Millisecond))
	w.Logf("goodput %.0f/s (%.0f %% of the peak); %d sagas open and %d unanswered at the end, at rest after %s", goodput, 100*goodput/peak, open, unanswered, took.Round(time.Millisecond))
	w.Logf("memory %+d MB full, %+d MB after; latency alone p50 %s before, %s after", full/mega, after/mega, alone.P50, again.P50)
	switch {
	case s.refused == 0 || s.rude > 0 || s.other > 0:
		w.Error("who must come back is not told when")
	case s.open() > 0:
		w.Errorf("%d requests were never answered", s.open())
	case goodput < share*peak:
		w.Errorf("the storm took more than its share of the throughput")
	case full > int64(open+unanswered)*16<<10+64*mega || after > 64*mega:
		w.Error("memory is not bounded by what is open")
	case again.P50 > 5*alone.P50:
		w.Error("latency did not come back")
	}
}
