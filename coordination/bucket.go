package coordination

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/girohq/giro/internal/jet"
)

// tombstone is how long the trace of a released or expired lock stays.
const tombstone = time.Minute

// bucket is the key-value bucket of the locks. It is written by plain publishes, because the
// key-value calls have no expiry on an update; the nats command reads it as any other bucket.
//
// Tokens must grow even when the store is lost, and the sequences of its stream must be small: a
// server that finds a damaged block lists each sequence before it as lost. So a bucket has a base, the
// microseconds since 1970 when it was made, which no bucket before it can have reached (that takes a
// million writes a second, all the time), and a token is the base and a sequence. The base is in the
// stream's subject and nowhere else. What is meant for a bucket that is gone is therefore stored
// by no stream, and nobody gets a token of two bases.
type bucket struct {
	js       jetstream.JetStream
	name     string
	replicas int
	ttl      time.Duration
	latest   atomic.Pointer[incarnation] // as it was last seen; it may be gone
	doubted  atomic.Bool                 // a record was gone without a trace
}

func openBucket(ctx context.Context, cfg Config) (*bucket, error) {
	b := &bucket{js: cfg.JetStream, name: cfg.Bucket, replicas: max(cfg.Replicas, 1), ttl: cfg.TTL}
	ctx, cancel := context.WithTimeout(ctx, 2*patience)
	defer cancel()
	for {
		err := b.open(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || pause(ctx, nil, minPause) != nil {
			return b, err
		}
	}
}

// open makes one attempt. A cluster that is just making the stream does not answer all who ask for it.
func (b *bucket) open(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*answerTime)
	defer cancel()
	_, err := b.ensure(ctx)
	return err
}

// ensure makes the bucket if there is none, and sets what of it differs. When two make it at the same
// time, the base is that of whoever was faster.
func (b *bucket) ensure(ctx context.Context) (*incarnation, error) {
	in, err := b.find(ctx)
	for errors.Is(err, jetstream.ErrStreamNotFound) {
		first := b.config()
		first.Subjects = []string{b.prefix(uint64(time.Now().UnixMicro())) + ">"}
		_, made := b.js.CreateStream(ctx, first)
		if in, err = b.find(ctx); err == nil {
			break
		}
		if errors.Is(made, jetstream.ErrStreamNameAlreadyInUse) { // somebody else is making it: a cluster knows the name first
			made = pause(ctx, nil, minPause)
		}
		if made != nil {
			return nil, errors.Join(made, err)
		}
	}
	if err != nil {
		return nil, err
	}
	return in, b.mend(ctx, in)
}

// find looks which bucket there is now. [jetstream.ErrStreamNotFound]: none.
func (b *bucket) find(ctx context.Context) (*incarnation, error) {
	stream, err := b.js.Stream(ctx, b.config().Name)
	if err != nil {
		return nil, err
	}
	subjects := stream.CachedInfo().Config.Subjects
	base, ok := b.base(subjects)
	if !ok {
		return nil, fmt.Errorf("%w: a stream of the subjects %.80q holds no locks", ErrInvalid, subjects)
	}
	in := &incarnation{bucket: b, base: base, stream: stream}
	b.latest.Store(in)
	return in, nil
}

// read is for those who only look. Nothing is found in an incarnation that is gone either, so then it
// looks whether there is another.
func (b *bucket) read(ctx context.Context, key string) (record, error) {
	in := b.latest.Load()
	r, err := in.read(ctx, key)
	if err != nil || r.seq != 0 {
		return r, err
	}
	now, err := b.find(ctx)
	if err != nil || now.base == in.base {
		return r, err
	}
	return now.read(ctx, key)
}

// mend leaves the subjects as they are: they say which incarnation it is.
func (b *bucket) mend(ctx context.Context, in *incarnation) error {
	before := in.stream.CachedInfo()
	after, _, err := jet.MendStream(ctx, b.js, before, b.config())
	if err != nil || after.Created.Equal(before.Created) {
		return err
	}
	// It was made anew meanwhile, and now has the subjects of the one before, whose tokens it would give again.
	err = b.js.DeleteStream(ctx, before.Config.Name)
	return errors.Join(fmt.Errorf("stream %s: made anew while it was mended", before.Config.Name), err)
}

// config is all but the subjects.
func (b *bucket) config() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:                   "KV_" + b.name,
		Description:            "locks of giro/coordination",
		MaxMsgsPerSubject:      1,
		Discard:                jetstream.DiscardNew,
		DenyDelete:             true,
		AllowRollup:            true,
		AllowMsgTTL:            true,
		SubjectDeleteMarkerTTL: tombstone, // with it a cluster agrees on what has expired: the leader proposes it
		AllowDirect:            false,     // direct reads are answered by any replica, however far behind
		Replicas:               b.replicas,
	}
}

// inBase36 is how a base is written, which is shorter.
const inBase36 = 36

// prefix is what the subjects of a base have in common. Base 0 is a bucket of Giro before it had bases,
// or one made by hand: its sequences are the tokens.
func (b *bucket) prefix(base uint64) string {
	if base == 0 {
		return "$KV." + b.name + "."
	}
	return "$KV." + b.name + "." + strconv.FormatUint(base, inBase36) + "."
}

// base is what prefix made the subject from.
func (b *bucket) base(subjects []string) (base uint64, ok bool) {
	if len(subjects) != 1 {
		return 0, false
	}
	if subjects[0] == b.prefix(0)+">" {
		return 0, true
	}
	digits := strings.TrimSuffix(strings.TrimPrefix(subjects[0], b.prefix(0)), ".>")
	base, err := strconv.ParseUint(digits, inBase36, 64)
	return base, err == nil && base > 0 && subjects[0] == b.prefix(base)+">"
}
