package jet

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// apiTimeout bounds the requests that make up one attempt to subscribe.
const apiTimeout = 5 * time.Second

// subscription is a consumer that is ready to be read, in one incarnation of its stream.
type subscription struct {
	consumer    jetstream.Consumer
	incarnation string
	ackNone     bool
}

// Incarnation is a short token, [0-9a-z], of the life of a stream: another one after the
// stream was deleted and made again, or the broker's store was lost.
func Incarnation(info *jetstream.StreamInfo) string {
	return strconv.FormatInt(info.Created.UnixNano(), 36)
}

// subscribe makes the consumer of the stream's present incarnation, or finds it and sets
// it back to its ack floor.
func (r *Reader) subscribe(ctx context.Context) (subscription, error) {
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	stream, err := r.js.Stream(ctx, r.cfg.Stream)
	if err != nil {
		return subscription{}, fmt.Errorf("stream %s: %w", r.cfg.Stream, err)
	}
	incarnation := Incarnation(stream.CachedInfo())
	cfg := r.cfg.Consumer(incarnation)
	consumer, err := r.makeConsumer(ctx, stream, cfg, incarnation)
	if err != nil {
		return subscription{}, fmt.Errorf("consumer %s of stream %s: %w", cfg.Durable, r.cfg.Stream, err)
	}
	if cfg.Durable != "" && r.cfg.Stem != "" {
		if err := r.deleteOld(ctx, stream, incarnation); err != nil {
			return subscription{}, fmt.Errorf("old consumers of stream %s: %w", r.cfg.Stream, err)
		}
	}
	return subscription{consumer: consumer, incarnation: incarnation, ackNone: cfg.AckPolicy == jetstream.AckNonePolicy}, nil
}

// errAhead: the stream has lost its end, and the consumer is beyond it. The server sets back those that it
// finds when it starts, but not one that is made again from a state of before. It would keep back what comes
// until the stream is as long as it was; a new one reads from the beginning instead.
var errAhead = errors.New("the consumer was ahead of its stream, and is made anew")

// errReplaced: the stream was made anew while its consumer was being made.
var errReplaced = errors.New("the stream was replaced meanwhile")

func (r *Reader) makeConsumer(ctx context.Context, stream jetstream.Stream, cfg jetstream.ConsumerConfig, incarnation string) (jetstream.Consumer, error) {
	consumer, err := undamaged(ctx, stream, cfg)
	if err != nil {
		return nil, err
	}
	// The stream is looked at again after the consumer. Had it been replaced in between,
	// the consumer would carry the name of an earlier life, and old acks would reach it.
	info, err := stream.Info(ctx)
	if err != nil {
		return nil, err
	}
	name := consumer.CachedInfo().Name
	if Incarnation(info) != incarnation {
		return nil, errors.Join(errReplaced, stream.DeleteConsumer(ctx, name))
	}
	if cfg.Durable == "" {
		return consumer, nil
	}
	if place := consumer.CachedInfo(); max(place.Delivered.Stream, place.AckFloor.Stream) > info.State.LastSeq {
		return nil, errors.Join(errAhead, stream.DeleteConsumer(ctx, name))
	}
	if _, err := stream.ResetConsumer(ctx, name); err != nil {
		return nil, fmt.Errorf("reset (needs nats-server 2.14): %w", err)
	}
	return consumer, nil
}

const (
	// storeFailed is the server's code when it can make no store for a consumer. It has no name in nats.go.
	storeFailed jetstream.ErrorCode = 10012
	// spares is how many names a durable has.
	spares = 9
)

// undamaged makes the consumer, or finds it. When a durable's file is damaged the server has dropped the
// consumer, and yet refuses for ever to make one of that name; so another name is taken. That one begins
// where the stream does, and all that was read comes again, as it does with a store that was lost.
func undamaged(ctx context.Context, stream jetstream.Stream, cfg jetstream.ConsumerConfig) (jetstream.Consumer, error) {
	for n, name := 1, cfg.Durable; ; {
		consumer, err := stream.CreateOrUpdateConsumer(ctx, cfg)
		var refused *jetstream.APIError
		if n == spares || name == "" || !errors.As(err, &refused) || refused.ErrorCode != storeFailed {
			return consumer, err
		}
		n++
		cfg.Durable = name + "-" + strconv.Itoa(n)
	}
}

// deleteOld deletes the durables of the same stem made for other incarnations.
func (r *Reader) deleteOld(ctx context.Context, stream jetstream.Stream, incarnation string) error {
	names := stream.ConsumerNames(ctx)
	var old []string
	for name := range names.Name() {
		token, ok := strings.CutPrefix(name, r.cfg.Stem)
		token, _, _ = strings.Cut(token, "-") // of a spare name
		if ok && token != incarnation && isIncarnation(token) {
			old = append(old, name)
		}
	}
	if err := names.Err(); err != nil {
		return err
	}
	for _, name := range old {
		if err := stream.DeleteConsumer(ctx, name); err != nil && !errors.Is(err, jetstream.ErrConsumerNotFound) {
			return err
		}
	}
	return nil
}

// isIncarnation reports whether s could have come from [Incarnation], so that the stem
// "bank_" does not take the durable "bank_two_<incarnation>" of somebody else for its own.
func isIncarnation(s string) bool {
	const length = 12 // nanoseconds from 1974 to 2117 have twelve digits
	_, err := strconv.ParseInt(s, 36, 64)
	return err == nil && len(s) == length && strings.ToLower(s) == s
}
