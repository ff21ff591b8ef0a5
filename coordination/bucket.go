package coordination

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/girohq/giro/internal/jet"
)

// Headers of JetStream key-value and of the server's delete markers.
const (
	operationHeader = "KV-Operation"
	markerHeader    = "Nats-Marker-Reason"
	purged          = "PURGE"
)

// tombstone is how long the trace of a released or expired lock stays.
const tombstone = time.Minute

// bucket is the key-value bucket of the locks. It is written by plain publishes, because the
// key-value calls have no expiry on an update; the nats command reads it as any other bucket.
type bucket struct {
	js       jetstream.JetStream
	name     string
	replicas int
	ttl      time.Duration
	stream   jetstream.Stream
}

func openBucket(ctx context.Context, cfg Config) (*bucket, error) {
	b := &bucket{js: cfg.JetStream, name: cfg.Bucket, replicas: max(cfg.Replicas, 1), ttl: cfg.TTL}
	if err := b.ensure(ctx); err != nil {
		return nil, err
	}
	stream, err := b.js.Stream(ctx, b.config().Name)
	b.stream = stream
	return b, err
}

// ensure makes the bucket. Tokens are its sequence numbers, and they must grow even when the store
// is lost: so a new bucket does not begin at 1 but at the microseconds since 1970, which no bucket
// before it can have reached (that takes a million writes a second, all the time).
func (b *bucket) ensure(ctx context.Context) error {
	first := b.config()
	first.FirstSeq = uint64(time.Now().UnixMicro())
	_, err := b.js.CreateStream(ctx, first)
	if err != nil && !errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
		return err
	}
	_, _, err = jet.EnsureStream(ctx, b.js, b.config())
	return err
}

func (b *bucket) config() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:                   "KV_" + b.name,
		Description:            "locks of giro/coordination",
		Subjects:               []string{b.subject(">")},
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

func (b *bucket) subject(key string) string { return "$KV." + b.name + "." + key }

// record is what stands in the bucket for a lock.
type record struct {
	Claim string `json:"claim"` // one for each time a lock is taken
	Owner string `json:"owner"` // for people

	seq uint64 // 0: there is nothing
}

func (r record) free() bool { return r.Claim == "" }

// read asks the stream's leader. One that was deposed and does not know may answer with something
// old, so nothing is decided on it: the write that follows expects the sequence that was read.
func (b *bucket) read(ctx context.Context, key string) (record, error) {
	msg, err := b.stream.GetLastMsgForSubject(ctx, b.subject(key))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return record{}, nil
	}
	if err != nil {
		return record{}, err
	}
	r := record{seq: msg.Sequence}
	if msg.Header.Get(operationHeader) != "" || msg.Header.Get(markerHeader) != "" {
		return r, nil // released or expired
	}
	if err := json.Unmarshal(msg.Data, &r); err != nil || r.Claim == "" {
		return record{}, fmt.Errorf("%w: %s is no lock: %.40q", ErrInvalid, b.subject(key), msg.Data)
	}
	return r, nil
}

// errConflict: the last sequence of the key is another one than was expected.
var errConflict = errors.New("coordination: changed meanwhile")

// write replaces what has sequence was, and returns the new sequence. errConflict: it was not there.
// Every other error leaves open whether it was written.
func (b *bucket) write(ctx context.Context, key string, r record, was uint64) (uint64, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return 0, err
	}
	msg := nats.NewMsg(b.subject(key))
	msg.Data = body
	return b.publish(ctx, msg, was, b.ttl)
}

// remove frees a lock, with the errors of write.
func (b *bucket) remove(ctx context.Context, key string, was uint64) error {
	msg := nats.NewMsg(b.subject(key))
	msg.Header.Set(operationHeader, purged)
	msg.Header.Set(jetstream.MsgRollup, jetstream.MsgRollupSubject)
	_, err := b.publish(ctx, msg, was, tombstone)
	return err
}

func (b *bucket) publish(ctx context.Context, msg *nats.Msg, was uint64, ttl time.Duration) (uint64, error) {
	ack, err := b.js.PublishMsg(ctx, msg, jetstream.WithExpectLastSequencePerSubject(was), jetstream.WithMsgTTL(ttl))
	var refused *jetstream.APIError
	switch {
	case err == nil:
		return ack.Sequence, nil
	case errors.As(err, &refused) && (refused.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence ||
		refused.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant):
		return 0, fmt.Errorf("%w: %w", errConflict, err)
	}
	return 0, err
}

// releases announces what is published on the key. A plain subscription: a consumer for each
// waiter would meet the server's bound of 1,000 a stream.
func (b *bucket) releases(key string) (<-chan *nats.Msg, func(), error) {
	announced := make(chan *nats.Msg, 1)
	sub, err := b.js.Conn().Subscribe(b.subject(key), func(msg *nats.Msg) {
		if msg.Header.Get(operationHeader) == "" {
			return // taken or renewed
		}
		select {
		case announced <- msg:
		default:
		}
	})
	if err != nil {
		return nil, nil, err
	}
	return announced, func() { _ = sub.Unsubscribe() }, nil // fails only on a closed connection
}
