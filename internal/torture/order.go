package torture

import (
	"context"
	"sync"
	"time"
)

// order says when the next transfer may be asked for, and when the next fault may strike. In a run by time
// both follow the clock. In a run by number neither gets ahead of the other, so that every fault meets
// transfers, however fast the machine is.
type order struct {
	seed    uint64
	banks   int
	total   int // 0: by time
	began   time.Time
	lasts   time.Duration
	mu      sync.Mutex
	changed *sync.Cond
	asked   int
	allowed int
	over    bool
}

func newOrder(cfg Config, strikes int) *order {
	o := &order{seed: cfg.Seed, banks: cfg.Banks, total: cfg.Transfers, lasts: cfg.Duration, began: time.Now()}
	o.changed = sync.NewCond(&o.mu)
	o.allow(1, strikes)
	return o
}

// allow lets transfers be asked for until the strike after this one is half through.
func (o *order) allow(strike, strikes int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.allowed = o.total
	if strike < strikes {
		o.allowed = o.total * (strike + 1) / (strikes + 1)
	}
	o.changed.Broadcast()
}

// next is the next transfer to ask for; nil: there is none any more.
func (o *order) next() *transfer {
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.total > 0 && o.asked >= o.allowed && o.asked < o.total && !o.over {
		o.changed.Wait()
	}
	if o.over || o.total > 0 && o.asked >= o.total {
		return nil
	}
	o.asked++
	o.changed.Broadcast()
	return newTransfer(o.seed, o.asked, o.banks)
}

// until waits for a point of the run, 0 to 1, and says false when ctx ended before.
func (o *order) until(ctx context.Context, at float64) bool {
	if o.total == 0 {
		return rest(ctx, time.Until(o.began.Add(time.Duration(at*float64(o.lasts)))))
	}
	defer context.AfterFunc(ctx, o.end)()
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.asked < int(at*float64(o.total)) && !o.over {
		o.changed.Wait()
	}
	return ctx.Err() == nil
}

// end lets no further transfer be asked for.
func (o *order) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.over = true
	o.changed.Broadcast()
}

func (o *order) count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.asked
}
