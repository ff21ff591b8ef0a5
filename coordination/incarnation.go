package coordination

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Headers of JetStream key-value and of the server's delete markers.
const (
	operationHeader = "KV-Operation"
	markerHeader    = "Nats-Marker-Reason"
	purged          = "PURGE"
)

// incarnation is a bucket from when it is made until it is lost or deleted. When it is gone nothing is
// found in it and nothing can be written to it, even if there is another of the same name.
type incarnation struct {
	*bucket
	base   uint64 // of its tokens
	stream jetstream.Stream
}

func (in *incarnation) subject(key string) string { return in.prefix(in.base) + key }

// token is the fencing token of who wrote the record of a sequence.
func (in *incarnation) token(seq uint64) uint64 { return in.base + seq }

// record is what stands in the bucket for a lock.
type record struct {
	Claim string `json:"claim"` // one for each time a lock is taken
	Owner string `json:"owner"` // for people

	seq uint64 // 0: there is nothing
}

func (r record) free() bool { return r.Claim == "" }

// read asks the stream's leader. One that was deposed and does not know may answer with something
// old, so nothing is decided on it: the write that follows expects the sequence that was read.
func (in *incarnation) read(ctx context.Context, key string) (record, error) {
	msg, err := in.stream.GetLastMsgForSubject(ctx, in.subject(key))
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
		return record{}, fmt.Errorf("%w: %s is no lock: %.40q", ErrInvalid, in.subject(key), msg.Data)
	}
	return r, nil
}

// errConflict: the last sequence of the key is another one than was expected.
var errConflict = errors.New("coordination: changed meanwhile")

// write replaces what has sequence was, and returns the new sequence. errConflict: it was not there.
// [jetstream.ErrNoStreamResponse]: nor was anything else, the incarnation is gone or the broker is just
// coming back. Every other error leaves open whether it was written.
func (in *incarnation) write(ctx context.Context, key string, r record, was uint64) (uint64, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return 0, err
	}
	msg := nats.NewMsg(in.subject(key))
	msg.Data = body
	return in.publish(ctx, msg, was, in.ttl)
}

// remove frees a lock, with the errors of write.
func (in *incarnation) remove(ctx context.Context, key string, was uint64) error {
	msg := nats.NewMsg(in.subject(key))
	msg.Header.Set(operationHeader, purged)
	msg.Header.Set(jetstream.MsgRollup, jetstream.MsgRollupSubject)
	_, err := in.publish(ctx, msg, was, tombstone)
	return err
}

func (in *incarnation) publish(ctx context.Context, msg *nats.Msg, was uint64, ttl time.Duration) (uint64, error) {
	ack, err := in.js.PublishMsg(ctx, msg, jetstream.WithExpectLastSequencePerSubject(was), jetstream.WithMsgTTL(ttl),
		jetstream.WithRetryAttempts(0)) // the callers do, and look first whether there is another incarnation
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

// errForgets: what the server confirms it does not find.
var errForgets = errors.New("coordination: the bucket forgets what it stored, and is made anew")

// confirm looks, while the bucket is in doubt, for what was just written. A server that has met a damaged
// block may go on to confirm writes that it never finds again, so that everybody gets every lock and loses
// it. Only a new bucket helps then.
func (in *incarnation) confirm(ctx context.Context, key string) error {
	if !in.doubted.Load() {
		return nil
	}
	r, err := in.read(ctx, key)
	if err != nil {
		return err
	}
	if r.seq != 0 {
		in.doubted.Store(false)
		return nil
	}
	now, err := in.find(ctx)
	if err == nil && now.base == in.base {
		err = in.js.DeleteStream(ctx, now.config().Name)
	}
	return errors.Join(errForgets, err)
}

// releases announces what is published on the key, in whichever incarnation. A plain subscription: a
// consumer for each waiter would meet the server's bound of 1,000 a stream.
func (in *incarnation) releases(key string) (<-chan *nats.Msg, func(), error) {
	subject := in.subject(key)
	if in.base != 0 {
		subject = in.prefix(0) + "*." + key
	}
	announced := make(chan *nats.Msg, 1)
	sub, err := in.js.Conn().Subscribe(subject, func(msg *nats.Msg) {
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
