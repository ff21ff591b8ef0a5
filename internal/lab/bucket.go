package lab

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/girohq/giro/coordination"
	"github.com/nats-io/nats.go/jetstream"
)

// bucket has the events of a sale in a key-value bucket of the broker: what was sold, by event.
type bucket struct {
	*sale
	kv jetstream.KeyValue
}

func sellingByKey(sell func(*bucket, context.Context, int) error) preparation {
	return func(ctx context.Context, w *World, _ Database, load Load) (*Trial, error) {
		js, err := jetstream.New(w.Conn())
		if err != nil {
			return nil, err
		}
		name := w.Name()
		kv, err := js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: name})
		if err != nil {
			return nil, err
		}
		b := &bucket{sale: newSale(load), kv: kv}
		t := b.trial(func(ctx context.Context, event int) error { return sell(b, ctx, event) }, func(ctx context.Context, event int) (int64, error) {
			sold, _, err := b.read(ctx, event)
			return sold, err
		})
		t.Close = func() error { return js.DeleteKeyValue(context.WithoutCancel(ctx), name) }
		return t, nil
	}
}

func eventKey(event int) string { return fmt.Sprintf("event-%d", event) }

// read returns what is sold of an event, and at which revision; 0 and 0 before the first sale.
func (b *bucket) read(ctx context.Context, event int) (sold int64, revision uint64, err error) {
	entry, err := b.kv.Get(ctx, eventKey(event))
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return 0, 0, nil
	}
	if err != nil {
		return 0, 0, err
	}
	sold, err = strconv.ParseInt(string(entry.Value()), 10, 64)
	return sold, entry.Revision(), err
}

func (b *bucket) overwrite(ctx context.Context, event int) error {
	sold, _, err := b.read(ctx, event)
	switch {
	case err != nil:
		return err
	case sold >= b.seats:
		return ErrRefused
	}
	_, err = b.kv.PutString(ctx, eventKey(event), strconv.FormatInt(sold+1, 10))
	return err
}

// maxUpdates bounds how often a sale is tried when others are faster.
const maxUpdates = 64

func (b *bucket) compareAndSet(ctx context.Context, event int) error {
	for try := range maxUpdates {
		if try > 0 {
			b.met.Retries.Add(1)
		}
		sold, revision, err := b.read(ctx, event)
		switch {
		case err != nil:
			return err
		case sold >= b.seats:
			return ErrRefused
		}
		_, err = b.kv.Update(ctx, eventKey(event), []byte(strconv.FormatInt(sold+1, 10)), revision)
		if !overtaken(err) {
			return err
		}
		b.met.Conflicts.Add(1)
	}
	return fmt.Errorf("%w: others were faster %d times", ErrRefused, maxUpdates)
}

// overtaken says whether the broker has refused a write because the key has another revision.
func overtaken(err error) bool {
	var e *jetstream.APIError
	return errors.As(err, &e) && (e.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence ||
		e.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant)
}

// sellingByCounter lets the broker count. Nobody reads before it writes, so there is nothing to be
// overtaken in; at the edge a buyer may be refused while another's seat is being given back.
func sellingByCounter(ctx context.Context, w *World, _ Database, load Load) (*Trial, error) {
	js, err := jetstream.New(w.Conn())
	if err != nil {
		return nil, err
	}
	name := w.Name()
	counters, err := coordination.OpenCounters(ctx, coordination.CounterConfig{JetStream: js, Name: name})
	if err != nil {
		return nil, err
	}
	s := newSale(load)
	sell := func(ctx context.Context, event int) error {
		sum, err := counters.Add(ctx, eventKey(event), 1)
		if err != nil || sum <= s.seats {
			return err
		}
		if _, err := counters.Add(context.WithoutCancel(ctx), eventKey(event), -1); err != nil {
			return err
		}
		return ErrRefused
	}
	t := s.trial(sell, func(ctx context.Context, event int) (int64, error) { return counters.Get(ctx, eventKey(event)) })
	t.Met = nil
	return t, nil
}
