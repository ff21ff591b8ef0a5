package embedded

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/girohq/giro/internal/jet"
)

const (
	canaryEvery   = time.Second
	canaryTimeout = time.Second
	maxMisses     = 3 // then the server is restarted; and again after as many more
)

// canaryBody is more than a page of the disk: something tiny would still fit into the last
// page of its file when the disk is full, and prove nothing.
var canaryBody = make([]byte, 4<<10)

// canary writes to the broker's store again and again, and judges its health by that.
type canary struct {
	n       *NATS
	write   func(ctx context.Context) error
	restart func() error

	misses int       // since the last write that was accepted
	since  time.Time // of that write
}

// watch runs the canary until ctx ends.
func (n *NATS) watch(ctx context.Context) {
	c := newCanary(n, canaryTimeout)
	tick := time.NewTicker(canaryEvery)
	defer tick.Stop()
	for {
		c.beat(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func newCanary(n *NATS, timeout time.Duration) *canary {
	return &canary{n: n, restart: n.restart, since: time.Now(), write: func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		return n.writeCanary(ctx)
	}}
}

// writeCanary writes one message to the canary's stream, which it makes when it is missing.
func (n *NATS) writeCanary(ctx context.Context) error {
	// A fresh connection: one from before a restart would still be coming back.
	nc, err := n.Connect("canary", nats.Timeout(canaryTimeout))
	if err != nil {
		return err
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	subject := n.cfg.CanarySubject
	_, err = js.Publish(ctx, subject, canaryBody, jetstream.WithRetryAttempts(0))
	if !errors.Is(err, jetstream.ErrNoStreamResponse) {
		return err
	}
	if _, _, err := jet.EnsureStream(ctx, js, jetstream.StreamConfig{
		Name:              n.cfg.Canary,
		Description:       "Written each second to see whether the store accepts writes",
		Subjects:          []string{subject},
		MaxMsgsPerSubject: 1,
	}); err != nil {
		return err
	}
	_, err = js.Publish(ctx, subject, canaryBody)
	return err
}

// beat writes once and draws the conclusions.
func (c *canary) beat(ctx context.Context) {
	err := c.write(ctx)
	if err == nil && c.n.wounded.Load() {
		err = errors.New("a stream's file failed")
	}
	if ctx.Err() != nil {
		return // the write was cut short
	}
	if err == nil {
		c.misses, c.since = 0, time.Now()
		c.n.health.Store(&Check{OK: true, Detail: fmt.Sprintf("the broker's store at %s accepts writes", c.n.store())})
		return
	}
	c.misses++
	c.n.cfg.Log.Warn().Err(err).Int("misses", c.misses).Str("store", c.n.store()).Msg("broker: canary missed")
	if c.misses >= maxMisses {
		c.fail()
	}
}

func (c *canary) fail() {
	silent := time.Since(c.since).Round(time.Second)
	sentence := fmt.Sprintf("the broker's store at %s has not accepted a write for %d s: ", c.n.store(), int(silent.Seconds()))
	c.n.health.Store(&Check{Detail: sentence + "restarting it; check free disk space"})
	_, down := c.n.current()
	if c.misses%maxMisses != 0 && down == nil {
		return // give the restarted server the same chance
	}
	if err := c.restart(); err != nil {
		c.n.cfg.Log.Error().Err(err).Str("store", c.n.store()).Msg("broker: restart")
		c.n.health.Store(&Check{Detail: sentence + "it cannot be restarted (" + err.Error() + "); check free disk space"})
	}
}
