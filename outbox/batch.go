package outbox

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
)

// commit runs a batch in one transaction and tells the worker. A batch that is known to be
// rolled back is run one by one, so that a bad item takes no other with it. The error is one
// after which nothing more may be written.
func (l *Loop[T]) commit(batch []T) error {
	err := l.attempt(batch)
	switch {
	case err == nil:
		l.counters.committed(len(batch))
		l.w.Committed(batch)
	case errors.Is(err, ErrUnusable), errors.Is(err, ErrClosed):
		return err
	case len(batch) == 1, errors.Is(err, ErrNotBegun):
		l.fail(batch, err)
	default:
		l.counters.undone.Add(1)
		return l.commitEach(batch)
	}
	return nil
}

// commitEach runs the items of a batch one by one. When one cannot even begin, those after it would
// only wait for the same.
func (l *Loop[T]) commitEach(batch []T) error {
	for i := range batch {
		switch err := l.attempt(batch[i : i+1]); {
		case err == nil:
			l.counters.committed(1)
			l.w.Committed(batch[i : i+1])
		case errors.Is(err, ErrUnusable), errors.Is(err, ErrClosed):
			return err
		case errors.Is(err, ErrNotBegun):
			l.fail(batch[i:], err)
			return nil
		default:
			l.fail(batch[i:i+1], err)
		}
	}
	return nil
}

func (l *Loop[T]) fail(items []T, err error) {
	for _, item := range items {
		l.w.Failed(item, err)
	}
}

func (l *Loop[T]) attempt(batch []T) error {
	return l.db.Write(context.Background(), func(tx Tx) error {
		l.w.Begin()
		for _, item := range batch {
			if err := l.apply(tx, item); err != nil {
				return err
			}
			if tx.Lost() {
				return ErrTxLost
			}
		}
		if s, ok := l.w.(Sealer); ok {
			return s.Seal(tx)
		}
		return nil
	})
}

func (l *Loop[T]) apply(tx Tx, item T) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("outbox: apply panicked: %v\n%s", p, debug.Stack())
		}
	}()
	return l.w.Apply(tx, item)
}
