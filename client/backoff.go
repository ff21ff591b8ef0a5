package client

import (
	"context"
	"errors"
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
// Where the orchestrator has said with err how long it will be busy, it waits that long, and up to
// half as long again.
func pause(ctx context.Context, n int, err error) error {
	if told := retryAfter(err); told > 0 {
		return sleep(ctx, told+rand.N(told/2))
	}
	most := maxPause
	if n < 7 {
		most = min(maxPause, firstPause<<n)
	}
	return sleep(ctx, most/2+rand.N(most/2))
}

// maxTold bounds what the orchestrator may ask for: what is wrong with its clock must not stop a client.
const maxTold = time.Minute

// retryAfter is how long the orchestrator asks to wait; 0 if it does not say.
func retryAfter(err error) time.Duration {
	var problem *Problem
	if !errors.As(err, &problem) || problem.RetryAfter <= 0 {
		return 0
	}
	return time.Duration(min(problem.RetryAfter, int(maxTold/time.Second))) * time.Second
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
