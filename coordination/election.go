package coordination

import (
	"context"
	"errors"
	"fmt"
)

// Election lets one of many processes do what must have one doer. It is a lock with a loop around it.
type Election struct {
	locks *Locks
	name  string
}

// NewElection is a candidate for name; all candidates of a name must use the same bucket. The
// leader is replaced about one TTL after it died, at once after it left.
func NewElection(locks *Locks, name string) (*Election, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	return &Election{locks: locks, name: name}, nil
}

// Run stands for election until ctx ends, which is nil, or until lead returns an error of its own,
// which is returned. lead is called once for each term won. Its context ends with the term, and it
// must return then: until it does, this candidate stands in no other election. What it returns
// after the term was lost is not an error. If it returns nil before, it resigns, and Run ends.
//
// The term is a fencing token: greater than those of all terms before, not by one. Two leaders can
// be at work at the same time (the old one paused, or slow to notice); what they write must be
// guarded by [Guard] to be safe from that.
//
// While the broker is away nobody is elected, and Run goes on trying.
func (e *Election) Run(ctx context.Context, lead func(ctx context.Context, term Token) error) error {
	for {
		h, err := e.locks.acquire(ctx, ctx, e.name)
		if ctx.Err() != nil {
			if err == nil {
				h.giveUp()
			}
			return nil
		}
		if err != nil {
			return fmt.Errorf("election %s: %w", e.name, err)
		}
		if again, err := e.serve(ctx, h, lead); !again {
			return err
		}
	}
}

// serve is one term. again: it was lost, another may be won.
func (e *Election) serve(ctx context.Context, h *Held, lead func(context.Context, Token) error) (again bool, err error) {
	defer h.giveUp() // also when lead panics
	err = lead(h.Context(), h.Token())
	switch {
	case h.lost() != nil:
		return true, nil
	case ctx.Err() != nil && (err == nil || errors.Is(err, ctx.Err())):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("election %s: %w", e.name, err)
	}
	return false, nil
}

// Leader tells who leads, and false if nobody does. It is a hint: see [Locks.Holder].
func (e *Election) Leader(ctx context.Context) (owner string, elected bool, err error) {
	return e.locks.Holder(ctx, e.name)
}
