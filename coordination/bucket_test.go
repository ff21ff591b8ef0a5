package coordination

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// tokens sees to it that none is given twice, and that those of a later bucket are greater.
type tokens struct {
	t       *testing.T
	mu      sync.Mutex
	seen    map[uint64]bool
	highest uint64 // of the buckets before
}

func (k *tokens) add(h *Held) {
	k.t.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	n := h.Token().Number
	if k.seen[n] || n <= k.highest || n >= 1<<53 {
		k.t.Errorf("token %d of %s: given before: %v, the bucket before had %d", n, h.Token().Lock, k.seen[n], k.highest)
	}
	k.seen[n] = true
}

// lose deletes the bucket.
func (k *tokens) lose(js jetstream.JetStream) {
	k.t.Helper()
	for n := range k.seen {
		k.highest = max(k.highest, n)
	}
	must(k.t, js.DeleteStream(bg, "KV_locks"))
}

// TestBucketMadeAnew holds what a locker sees that still takes the bucket for the one before: whom it has a
// lock from has lost it, whoever holds one now keeps it, and no token comes twice. The sequences of both
// buckets are the same.
func TestBucketMadeAnew(t *testing.T) {
	onEach(t, func(t *testing.T, c *servers, replicas int) {
		k := &tokens{t: t, seen: map[uint64]bool{}}
		stale := make([]*Locks, 5)
		for i := range stale {
			stale[i] = c.locks(Config{Replicas: replicas, TTL: 3 * time.Second, Wait: 20 * time.Second, Owner: "stale"})
		}
		before, err := stale[0].Acquire(bg, "x")
		must(t, err)
		k.add(before)
		idle, err := stale[1].Acquire(bg, "w")
		must(t, err)
		k.add(idle)
		idle.stop() // it does not notice by itself
		<-idle.done
		k.lose(stale[0].bucket.js)
		fresh := c.locks(Config{Replicas: replicas, TTL: 3 * time.Second, Owner: "fresh"})
		now, err := fresh.Acquire(bg, "x")
		must(t, err)
		k.add(now)
		another, err := stale[0].Acquire(bg, "z") // and so knows of the new bucket before the holder does
		must(t, err)
		k.add(another)
		must(t, another.Release(bg))
		c.eventually("the holder before is told", func() bool { return before.Context().Err() != nil })
		if cause := context.Cause(before.Context()); !errors.Is(cause, ErrLost) {
			t.Errorf("the holder before is told %v", cause)
		}
		if err := before.Release(bg); !errors.Is(err, ErrLost) {
			t.Errorf("the holder before releases: %v", err)
		}
		if err := idle.Release(bg); !errors.Is(err, ErrLost) {
			t.Errorf("a holder that has not noticed releases: %v", err)
		}
		if owner, held, err := stale[2].Holder(bg, "x"); owner != "fresh" || !held || err != nil {
			t.Errorf("the holder is %q, %v, %v", owner, held, err)
		}
		if _, err := stale[3].TryAcquire(bg, "x"); !errors.Is(err, ErrHeld) {
			t.Errorf("what is held is taken: %v", err)
		}
		other, err := stale[4].Acquire(bg, "y")
		must(t, err)
		k.add(other)
		must(t, other.Release(bg))
		must(t, now.Release(bg))
	})
}

// TestStaleLockerSharesNoToken loses the bucket again and again. Those who make it anew and those who do not
// know about it yet never have the same token.
func TestStaleLockerSharesNoToken(t *testing.T) {
	c := newServers(t, 1)
	k := &tokens{t: t, seen: map[uint64]bool{}}
	stale := c.locks(Config{})
	take := func(l *Locks, name string) {
		h, err := l.Acquire(bg, name)
		if err != nil {
			t.Error(err)
			return
		}
		k.add(h)
		if err := h.Release(bg); err != nil {
			t.Error(err)
		}
	}
	for range 10 {
		take(stale, "x")
		k.lose(stale.bucket.js)
		var both sync.WaitGroup
		both.Go(func() { take(c.locks(Config{}), "x") })
		both.Go(func() { take(stale, "y") })
		both.Wait()
	}
}

// TestBucketMadeByMany holds that those who make the bucket at the same time agree on its base.
func TestBucketMadeByMany(t *testing.T) {
	onEach(t, func(t *testing.T, c *servers, replicas int) {
		bases := make([]uint64, 8)
		var all sync.WaitGroup
		for i := range bases {
			all.Go(func() {
				l, err := OpenLocks(bg, Config{JetStream: c.connect(), Replicas: replicas})
				if err != nil {
					t.Error(err)
					return
				}
				bases[i] = l.bucket.latest.Load().base
			})
		}
		all.Wait()
		for _, base := range bases {
			if base != bases[0] || base == 0 {
				t.Errorf("bases %d", bases)
			}
		}
	})
}

// TestOldBucket holds that a bucket of Giro before there were bases stays as it is until it is lost.
func TestOldBucket(t *testing.T) {
	c := newServers(t, 1)
	js := c.connect()
	old, err := js.CreateStream(bg, jetstream.StreamConfig{
		Name: "KV_locks", Subjects: []string{"$KV.locks.>"}, FirstSeq: uint64(time.Now().UnixMicro()), MaxMsgsPerSubject: 1,
		DenyDelete: true, AllowRollup: true, AllowMsgTTL: true, Discard: jetstream.DiscardNew, // no markers: it has drifted
	})
	must(t, err)
	k := &tokens{t: t, seen: map[uint64]bool{}}
	l := c.locks(Config{TTL: time.Second})
	h, err := l.Acquire(bg, "x")
	must(t, err)
	k.add(h)
	if info, err := old.Info(bg); err != nil || info.State.FirstSeq != h.Token().Number || info.Config.Subjects[0] != "$KV.locks.>" ||
		info.Config.SubjectDeleteMarkerTTL != tombstone {
		t.Errorf("token %d of %+v, %v", h.Token().Number, info, err)
	}
	c.eventually("it is renewed", func() bool {
		msg, err := old.GetLastMsgForSubject(bg, "$KV.locks.x")
		return err == nil && msg.Sequence > h.Token().Number
	})
	k.lose(js)
	next, err := l.Acquire(bg, "x")
	must(t, err)
	k.add(next)
	if next.in.base == 0 || next.seq > 10 {
		t.Errorf("base %d, sequence %d", next.in.base, next.seq)
	}
	must(t, next.Release(bg))
	if err := h.Release(bg); !errors.Is(err, ErrLost) {
		t.Errorf("the holder before releases: %v", err)
	}
}

// TestOtherStream refuses what is no bucket of locks, and changes nothing of it.
func TestOtherStream(t *testing.T) {
	c := newServers(t, 1)
	js := c.connect()
	for i, subject := range []string{"orders.>", "$KV.b1.x", "$KV.b2.0.>", "$KV.b3.01.>", "$KV.b4.A.>", "$KV.b5.1.2.>"} {
		bucket := fmt.Sprintf("b%d", i)
		stream, err := js.CreateStream(bg, jetstream.StreamConfig{Name: "KV_" + bucket, Subjects: []string{subject}})
		must(t, err)
		if _, err := OpenLocks(bg, Config{JetStream: js, Bucket: bucket}); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", subject, err)
		}
		if info, err := stream.Info(bg); err != nil || info.Config.Subjects[0] != subject || info.Config.Description != "" {
			t.Errorf("%s: %+v, %v", subject, info, err)
		}
	}
}

// late is a JetStream where something happens between what is seen of a stream and its update.
type late struct {
	jetstream.JetStream
	meanwhile func()
}

func (l late) UpdateStream(ctx context.Context, cfg jetstream.StreamConfig) (jetstream.Stream, error) {
	l.meanwhile()
	return l.JetStream.UpdateStream(ctx, cfg)
}

// TestMendedTooLate holds that a bucket which was made anew while the one before was mended does not go on with
// the base of the one before.
func TestMendedTooLate(t *testing.T) {
	c := newServers(t, 1)
	k := &tokens{t: t, seen: map[uint64]bool{}}
	stale := c.locks(Config{})
	take := func(l *Locks) {
		h, err := l.Acquire(bg, "x")
		must(t, err)
		k.add(h)
		h.stop() // it is not renewed
		<-h.done
	}
	take(stale)
	stream, err := stale.bucket.js.Stream(bg, "KV_locks")
	must(t, err)
	drifted := stream.CachedInfo().Config
	drifted.Description = "drifted"
	_, err = stale.bucket.js.UpdateStream(bg, drifted)
	must(t, err)
	_, err = OpenLocks(bg, Config{JetStream: late{c.connect(), func() {
		k.lose(stale.bucket.js)
		take(c.locks(Config{}))
	}}})
	if err == nil {
		t.Error("nobody is told that the bucket was mended too late")
	}
	take(stale)
}
