package coordination

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/girohq/giro/races"
	"github.com/nats-io/nuid"
)

// Locks are the locks of one bucket. It may be used by many goroutines.
type Locks struct {
	cfg      Config
	bucket   *bucket
	now      func() time.Time // the holder's clock; tests move it
	patience time.Duration
}

// OpenLocks makes the bucket if there is none and returns its locks. [ErrInvalid]: the
// configuration cannot be used; every other error is the broker's.
func OpenLocks(ctx context.Context, cfg Config) (*Locks, error) {
	cfg, err := cfg.checked()
	if err != nil {
		return nil, err
	}
	b, err := openBucket(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("coordination: bucket %s: %w", cfg.Bucket, err)
	}
	return &Locks{cfg: cfg, bucket: b, now: time.Now, patience: patience}, nil
}

// Acquire waits until the lock is free and takes it: [Config.Wait] at the longest, then [ErrHeld]
// (or what the broker said last). Waiters are not queued: whoever is fastest gets it. The lock is
// held until [Held.Release], which must be called, or until it is lost; when ctx ends it is not
// renewed any more. A call that ends without an answer from the broker may leave the lock taken by
// nobody for one TTL.
func (l *Locks) Acquire(ctx context.Context, name string) (*Held, error) {
	waiting, cancel := context.WithTimeout(ctx, l.cfg.Wait)
	defer cancel()
	return l.acquire(ctx, waiting, name)
}

// TryAcquire takes the lock if it is free, and otherwise says [ErrHeld] at once. It waits 5 s at the
// longest for a broker that does not answer.
func (l *Locks) TryAcquire(ctx context.Context, name string) (*Held, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	trying, cancel := context.WithTimeout(ctx, l.patience)
	defer cancel()
	claim := nuid.Next()
	for {
		h, err := l.try(ctx, trying, name, claim)
		// Refused writes and unknown outcomes are settled by looking again.
		if err == nil || errors.Is(err, ErrHeld) || pause(trying, nil, minPause) != nil {
			l.waited(err)
			return h, settled(err)
		}
	}
}

// Do holds the lock while work runs, and waits for it. The context of work ends when the lock is
// lost. [ErrLost] from Do although work returned nil: it was not alone all the time.
func (l *Locks) Do(ctx context.Context, name string, work func(context.Context, Token) error) error {
	h, err := l.Acquire(ctx, name)
	if err != nil {
		return err
	}
	defer h.giveUp() // also when work panics
	if err := work(h.Context(), h.Token()); err != nil {
		return err
	}
	return h.lost()
}

// Holder tells who has the lock, and false if nobody has. It is a hint: by the time it is read it
// may be over.
func (l *Locks) Holder(ctx context.Context, name string) (owner string, held bool, err error) {
	if err := checkName(name); err != nil {
		return "", false, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r, err := l.bucket.read(ctx, name)
	return r.Owner, err == nil && !r.free(), err
}

const (
	minPause = 5 * time.Millisecond
	maxPause = 250 * time.Millisecond // no release is announced when the server expires a lock
)

// acquire tries once, as nobody is in the way mostly, and then again when a release is announced, and in
// pauses that grow: an announcement may be lost, and the server's expiry has none.
func (l *Locks) acquire(ctx, waiting context.Context, name string) (*Held, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	claim := nuid.Next()
	h, err := l.try(ctx, waiting, name, claim)
	if err == nil || errors.Is(err, ErrInvalid) {
		return h, err
	}
	l.waited(err)
	released, stop, err := l.bucket.latest.Load().releases(name)
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", name, err)
	}
	defer stop()
	for wait := minPause; ; wait = min(2*wait, maxPause) {
		h, err := l.try(ctx, waiting, name, claim)
		if err == nil || errors.Is(err, ErrInvalid) {
			return h, err
		}
		if pause(waiting, released, wait) != nil {
			return nil, errors.Join(settled(err), ctx.Err())
		}
	}
}

// try makes one attempt. A record with our own claim is an earlier attempt whose answer was lost:
// writing over it takes the lock as writing over nothing does, and its answer says how long it
// lasts. It reads and writes in one incarnation of the bucket: if that is gone, nothing is read, nothing
// can be written, and the next attempt is made in the one that there is.
func (l *Locks) try(ctx, trying context.Context, name, claim string) (*Held, error) {
	attempt, cancel := context.WithTimeout(trying, answerTime)
	defer cancel()
	in := l.bucket.latest.Load()
	was, err := in.read(attempt, name)
	if errors.Is(err, jetstream.ErrStreamNotFound) { // the store was lost
		in, err = l.bucket.ensure(attempt)
	}
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", name, err)
	}
	if !was.free() && was.Claim != claim {
		return nil, fmt.Errorf("lock %s: %w by %s", name, ErrHeld, was.Owner)
	}
	sent := l.now()
	seq, err := in.write(attempt, name, record{Claim: claim, Owner: l.cfg.Owner}, was.seq)
	if errors.Is(err, jetstream.ErrNoStreamResponse) { // nothing was read because the bucket is gone
		_, found := l.bucket.find(attempt)
		err = errors.Join(err, found)
	}
	if err == nil {
		err = in.confirm(attempt, name)
	}
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", name, err)
	}
	return l.hold(ctx, in, Token{Lock: name, Number: in.token(seq), Holder: claim}, sent), nil
}

// Races counts waits, losses and refused tokens since the locks were opened.
func (l *Locks) Races() *races.Counts { return l.cfg.Races }

// waited counts a caller who found the lock held, or was too slow for it.
func (l *Locks) waited(err error) {
	if errors.Is(err, ErrHeld) || errors.Is(err, errConflict) {
		l.cfg.Races.Add(races.LockWait)
	}
}

// settled is the last error of somebody who tries no more: who was too slow finds the lock held.
func settled(err error) error {
	if errors.Is(err, errConflict) {
		return fmt.Errorf("%w: %w", ErrHeld, err)
	}
	return err
}

// pause waits for d or so, or for the wake-up, or for the end of ctx, which is its error.
func pause(ctx context.Context, wake <-chan *nats.Msg, d time.Duration) error {
	timer := time.NewTimer(d/2 + rand.N(d)) // waiters must not come in step
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-wake:
	case <-timer.C:
	}
	return nil
}
