package coordination

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/girohq/giro/races"
)

// Held is a lock that was taken. A goroutine renews it every third of its TTL; [Held.Release] waits
// for that goroutine.
type Held struct {
	locks  *Locks
	in     *incarnation // that gave the token: sequences mean nothing in another
	token  Token
	ctx    context.Context // the holder's, ended by loss
	cancel context.CancelCauseFunc

	seq   uint64    // of the last renewal; the goroutine's until done
	until time.Time // the holder is sure until here
	stop  context.CancelFunc
	done  chan struct{}

	expired  sync.Once // the loss is counted
	release  sync.Once
	released error
}

// hold begins to renew. The holder counts from before it sent, the server from after, and the
// holder counts a tenth less: clocks do not run alike.
func (l *Locks) hold(ctx context.Context, in *incarnation, t Token, sent time.Time) *Held {
	h := &Held{locks: l, in: in, token: t, seq: t.Number - in.base, until: sent.Add(l.sure()), done: make(chan struct{})}
	h.ctx, h.cancel = context.WithCancelCause(ctx)
	renewing, stop := context.WithCancel(h.ctx)
	h.stop = stop
	go h.keep(renewing)
	return h
}

func (l *Locks) sure() time.Duration { return l.cfg.TTL - l.cfg.TTL/10 }

// Token is the fencing token, greater than every one before it. Hand it to [Guard] with each write.
func (h *Held) Token() Token { return h.token }

// Context ends when the lock is lost (its cause is then [ErrLost]), released, or when the context it
// was acquired with ends. It cannot tell a process that is paused: between looking at it and
// writing any time may pass. Only [Guard] closes that gap.
func (h *Held) Context() context.Context { return h.ctx }

// Release frees the lock and waits for the goroutine that renews it. [ErrLost]: it was lost before;
// what the broker says otherwise means that the lock is free when its TTL is over. Calling it
// again returns the same.
func (h *Held) Release(ctx context.Context) error {
	h.release.Do(func() {
		h.stop()
		<-h.done
		h.released = h.free(ctx)
		h.cancel(nil)
	})
	return h.released
}

// giveUp releases and leaves to the TTL what the broker does not take.
func (h *Held) giveUp() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(h.ctx), h.locks.patience)
	defer cancel()
	_ = h.Release(ctx) // loss is told by the context
}

// lost is the reason if the lock was lost.
func (h *Held) lost() error {
	if cause := context.Cause(h.ctx); errors.Is(cause, ErrLost) {
		return cause
	}
	return nil
}

// lose ends the holder's context and counts the loss.
func (h *Held) lose(cause error) {
	h.expired.Do(func() { h.locks.cfg.Races.Add(races.LockExpired) })
	h.cancel(cause)
}

// keep renews until it is stopped or the lock is lost.
func (h *Held) keep(ctx context.Context) {
	defer close(h.done)
	defer h.stop()
	third := h.locks.cfg.TTL / 3
	for wait := third; pauseExactly(ctx, min(wait, h.left())) == nil; {
		err := h.renew(ctx, third)
		switch {
		case err == nil:
			wait = third
			continue
		case ctx.Err() != nil:
			return
		case errors.Is(err, ErrLost):
			h.lose(err)
			return
		case h.left() <= 0:
			h.lose(fmt.Errorf("lock %s: %w: not renewed in time: %w", h.token.Lock, ErrLost, err))
			return
		}
		wait = third / 4 // outcome unknown or the broker away
	}
}

func (h *Held) left() time.Duration { return h.until.Sub(h.locks.now()) }

// renew writes the record again, which begins its TTL anew. If the sequence is another one than
// the last known, that may be an earlier renewal whose answer was lost.
func (h *Held) renew(ctx context.Context, within time.Duration) error {
	left := h.left()
	if left <= 0 {
		return fmt.Errorf("lock %s: %w: expired before it could be renewed", h.token.Lock, ErrLost)
	}
	ctx, cancel := context.WithTimeout(ctx, min(answerTime, within, left))
	defer cancel()
	sent := h.locks.now()
	r := record{Claim: h.token.Holder, Owner: h.locks.cfg.Owner}
	seq, err := h.in.write(ctx, h.token.Lock, r, h.seq)
	if errors.Is(err, errConflict) {
		return h.look(ctx)
	}
	if err != nil {
		return h.unwritten(ctx, err)
	}
	h.seq, h.until = seq, sent.Add(h.locks.sure())
	return nil
}

// errUnrenewed: the record is ours under another sequence; the next write is for that.
var errUnrenewed = errors.New("coordination: earlier write came through")

// unwritten looks, when no stream took a write, whether there is another incarnation. [ErrLost]: there is.
func (h *Held) unwritten(ctx context.Context, err error) error {
	if !errors.Is(err, jetstream.ErrNoStreamResponse) {
		return err
	}
	if now, found := h.locks.bucket.find(ctx); found == nil && now.base != h.in.base {
		return fmt.Errorf("lock %s: %w: its bucket was lost, and made anew", h.token.Lock, ErrLost)
	}
	return err
}

// look says whose the lock is. [ErrLost]: not ours.
func (h *Held) look(ctx context.Context) error {
	r, err := h.in.read(ctx, h.token.Lock)
	switch {
	case err != nil:
		return err
	case r.free():
		if r.seq == 0 { // neither a tombstone nor the marker of an expiry
			h.in.doubted.Store(true)
		}
		return fmt.Errorf("lock %s: %w: expired", h.token.Lock, ErrLost)
	case r.Claim != h.token.Holder:
		return fmt.Errorf("lock %s: %w: taken by %s", h.token.Lock, ErrLost, r.Owner)
	}
	h.seq = r.seq
	return errUnrenewed
}

// free removes the record, whichever of our writes it is, and asks again if nothing is answered.
func (h *Held) free(ctx context.Context) error {
	if err := h.lost(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, h.locks.patience)
	defer cancel()
	unsure := false
	for wait := minPause; ; wait = min(2*wait, maxPause) {
		err := h.remove(ctx)
		switch {
		case err == nil || unsure && errors.Is(err, ErrLost): // an earlier removal came through
			return nil
		case errors.Is(err, ErrLost):
			h.lose(err)
			return err
		case !errors.Is(err, errUnrenewed):
			unsure = true
		}
		if pause(ctx, nil, wait) != nil {
			return fmt.Errorf("lock %s: release: %w", h.token.Lock, err)
		}
	}
}

// remove makes one attempt, with the errors of look.
func (h *Held) remove(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	err := h.in.remove(ctx, h.token.Lock, h.seq)
	if errors.Is(err, errConflict) {
		return h.look(ctx)
	}
	return h.unwritten(ctx, err)
}

// pauseExactly waits for d, or for the end of ctx, which is its error.
func pauseExactly(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return ctx.Err()
	}
}
