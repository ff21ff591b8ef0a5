package stage

import (
	"sync"
	"time"
)

// clock runs as the system's does, and can be set forward.
type clock struct {
	mu     sync.Mutex
	ahead  time.Duration // of the system's clock
	jumped chan struct{}
}

func newClock(begin time.Time) *clock {
	c := &clock{jumped: make(chan struct{})}
	if !begin.IsZero() {
		c.ahead = time.Until(begin)
	}
	return c
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

func (c *clock) forward(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}
