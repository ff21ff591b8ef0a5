package orchestrator

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/girohq/giro/internal/jet"
)

var errBacklog = errors.New("replies are still being read")

// gate returns nil when every reply that was in the stream at the time of the call has been
// committed: only then does silence mean silence. A broker that is away, or a backlog, gives an
// error; ask again.
func (r *replies) gate(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	stream, err := r.streams.js.Stream(ctx, r.names.Replies())
	if err != nil {
		return fmt.Errorf("gate: %w", err)
	}
	info := stream.CachedInfo()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if r.caughtUp(jet.Incarnation(info), info.State.LastSeq) {
			return nil
		}
		if backlog, err := r.reader.Backlog(ctx); err == nil && backlog == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return errBacklog
		case <-tick.C:
		}
	}
}

// caughtUp knows without asking the broker, but only of replies read in this epoch.
func (r *replies) caughtUp(incarnation string, seq uint64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.reader.Ready() && r.epoch.Incarnation == incarnation && r.committed >= seq
}
