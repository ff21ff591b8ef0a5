package orchestrator

import (
	"context"
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/saga"
)

// room says whether one more saga may begin. Three things stand against it: too many sagas are open, which
// bounds the memory; the loop has a queue that is longer, in time, than is good for anybody in it; or the
// participant of its first step has one.
//
// The latter two are the idea of CoDel (Nichols and Jacobson, "Controlling queue delay", ACM Queue 10/5, 2012; RFC
// 8289): how many wait says nothing, since a burst is no overload; how long they wait does. The wait is
// estimated by Little's law: those who wait, over those who are answered in a second. Who is turned away
// hears when the queue will be short again, and what has begun is finished instead of slowed down.
//
// A participant that answers nothing has no queue that moves: it is away, not slow. Sagas begin
// nevertheless, as is promised, up to the bound of open ones.
type room struct {
	max   int64
	open  atomic.Int64  // sagas that have not ended, as committed
	freed chan struct{} // has room for one: a saga has ended

	crowded atomic.Pointer[map[string]int] // participants with a queue that is too long: seconds until it is not
	seen    map[string]pulse               // of the measurer's goroutine
	own     pulse                          // the loop's, of the same goroutine
	short   atomic.Int64                   // how many may wait for the loop
}

// tooMany is said where the loop's queue is full.
const tooMany = "too many requests are waiting: repeat the same start in a moment"

// pulse is how fast a participant answers.
type pulse struct {
	answered uint64
	rate     float64 // a second, smoothed
}

// DefaultMaxOpen bounds the sagas that have not ended where nothing else is said.
const DefaultMaxOpen = 1_000_000

const (
	shortQueue   = 2048                   // work that may wait for the loop however slow it is: four batches
	loopQueue    = 500 * time.Millisecond // estimated wait for the loop from which a start is better repeated later
	standing     = 4096                   // commands that a participant reads ahead: only beyond them does a queue stand
	longestQueue = 2 * time.Second        // estimated wait from which a start is better repeated later
	measureEvery = 250 * time.Millisecond
	smoothing    = 0.25 // share of the newest measurement in the rate
	away         = 1.0  // answers a second below which a participant is not slow but away
	longestRetry = 30   // seconds that a caller is asked to wait at most
	fullRetry    = 2    // seconds, where nobody knows when a saga will end
)

func newRoom(most int, open int64) *room {
	r := &room{max: int64(most), freed: make(chan struct{}, 1), seen: make(map[string]pulse)}
	r.open.Store(open)
	r.short.Store(shortQueue)
	return r
}

// moved counts sagas that a committed batch has begun and ended.
func (r *room) moved(begun, ended int) {
	open := r.open.Add(int64(begun - ended))
	if ended > 0 && open < r.max {
		select {
		case r.freed <- struct{}{}:
		default:
		}
	}
}

// full is nil, or the refusal where too many sagas are open. more are those that the caller has begun and
// not committed yet.
func (r *room) full(more int) error {
	if r.open.Load()+int64(more) < r.max {
		return nil
	}
	return wire.Busy(fullRetry, fmt.Sprintf("%d sagas are open, which is the most that may be: repeat the same start when some have ended", r.max))
}

// late is nil, or the refusal where so many wait for the loop already that a start would wait for too long. It
// is asked before a start enters the queue: a refusal costs next to nothing there, and comes at once.
func (r *room) late(waiting int) error {
	if int64(waiting) < r.short.Load() {
		return nil
	}
	return wire.Busy(1, tooMany)
}

// behind is nil, or the refusal where the participant has more to do than it can.
func (r *room) behind(participant string) error {
	crowded := r.crowded.Load()
	if crowded == nil {
		return nil
	}
	seconds, ok := (*crowded)[participant]
	if !ok {
		return nil
	}
	return wire.Busy(seconds, fmt.Sprintf("participant %s is behind with its commands: repeat the same start in %d s", participant, seconds))
}

// wait returns when a saga may begin: for starts that their stream keeps for as long as it takes.
func (r *room) wait(ctx context.Context) error {
	for r.full(0) != nil {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-r.freed:
		}
	}
	return nil
}

// Run measures the queues until the context ends.
func (r *room) Run(ctx context.Context, loop func() outbox.BatchStats, queues func() map[string]outbox.Queue) error {
	tick := time.NewTicker(measureEvery)
	defer tick.Stop()
	last := time.Now()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			r.pace(loop().Items, now.Sub(last))
			r.measure(queues(), now.Sub(last))
			last = now
		}
	}
}

// pace looks at how much the loop has done in that time.
func (r *room) pace(done uint64, passed time.Duration) {
	r.own.beat(done, passed)
	r.short.Store(max(shortQueue, int64(r.own.rate*loopQueue.Seconds())))
}

// beat takes a measurement.
func (p *pulse) beat(answered uint64, passed time.Duration) {
	rate := float64(answered-p.answered) / passed.Seconds()
	p.answered, p.rate = answered, p.rate+smoothing*(rate-p.rate)
}

// measure looks at how far the queues have moved in that time.
func (r *room) measure(queues map[string]outbox.Queue, passed time.Duration) {
	crowded := make(map[string]int)
	for participant, q := range queues {
		p := r.seen[participant]
		p.beat(q.Answered, passed)
		r.seen[participant] = p
		if q.Waiting <= standing || p.rate < away {
			continue
		}
		if over := float64(q.Waiting)/p.rate - longestQueue.Seconds(); over > 0 {
			crowded[participant] = int(min(longestRetry, max(1, math.Ceil(over))))
		}
	}
	r.crowded.Store(&crowded)
}

// refuses says why a start must be repeated later; nil: it need not.
func (m *mover) refuses(b *begin, effects []saga.Effect) error {
	if !b.bounded {
		return nil
	}
	if err := m.room.full(m.batch.opened - m.batch.closed); err != nil {
		return err
	}
	for _, effect := range effects {
		if send, ok := effect.(saga.Send); ok {
			if err := m.room.behind(send.Command.Participant); err != nil {
				return err
			}
		}
	}
	return nil
}

// submitStart hands a start by request to the loop, or says why not.
func (o *Orchestrator) submitStart(w *work) error {
	if err := o.room.late(o.loop.Waiting()); err != nil {
		return err
	}
	if !o.loop.TrySubmit(w) { // starts by message fill the queue as well
		return wire.Busy(1, tooMany)
	}
	return nil
}
