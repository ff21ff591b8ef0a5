package client

import (
	"context"
	"math/rand/v2"
	"time"
)

// The first and the longest wait between two tries, before jitter.
const (
	firstPause = 50 * time.Millisecond
	maxPause   = 5 * time.Second
)

// pause waits before try n+1 (n from 0), longer each time and at a random point of that time:
// clients that failed together must not come back together. It returns the cause when ctx ends.
func pause(ctx context.Context, n int) error {
	most := maxPause
	if n < 7 {
		most = min(maxPause, firstPause<<n)
	}
	return sleep(ctx, most/2+rand.N(most/2))
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
