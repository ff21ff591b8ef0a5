package orchestrator

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"sync"
	"time"

	"github.com/girohq/giro/internal/wire"
)

// Event is a lifecycle event as a follower sees it.
type Event struct {
	Number int64           // the orchestrator's own: it grows over all sagas
	Last   bool            // no other event has this number; whoever has seen it goes on after the number
	Name   string          // accepted, compensating, suspended, completed, compensated, abandoned
	ID     string          // of the saga
	Ended  bool            // the saga is terminal
	Saga   json.RawMessage // the document, as the saga stands when the event is read
}

// FromNow as a number of [Orchestrator.Follow] begins with what comes next.
const FromNow int64 = -1

// followedAtOnce bounds the rows that are read, and held, for one follower.
const followedAtOnce = 100

// Follow returns the lifecycle events after a number as they are committed, those of one saga or
// with id "" of all. It reads them from the history: none is left out but those of sagas that are archived, and
// their order is that of the commits. What there is already comes first, even if it is nothing; later, after each quiet time without
// an event it yields none, as a sign of life. It goes on until ctx ends or an error, which it yields: a *Problem.
func (o *Orchestrator) Follow(ctx context.Context, id string, after int64, quiet time.Duration) iter.Seq2[[]Event, error] {
	return func(yield func([]Event, error) bool) {
		woken, forget := o.followers.add(id) // first listen, then look
		defer forget()
		after, err := o.follows(ctx, after)
		for begun := false; err == nil && ctx.Err() == nil; begun = true {
			var events []Event
			if events, err = o.events(ctx, id, after); err != nil {
				break
			}
			if len(events) == 0 && begun && rest(ctx, woken, quiet) {
				continue
			}
			if !yield(events, nil) {
				return
			}
			if len(events) > 0 {
				after = events[len(events)-1].Number
			}
		}
		if err != nil && ctx.Err() == nil {
			yield(nil, o.told("events", err))
		}
	}
}

// rest waits for news. It returns false when there were none for a while.
func rest(ctx context.Context, woken <-chan struct{}, quiet time.Duration) bool {
	t := time.NewTimer(quiet)
	defer t.Stop()
	select {
	case <-woken:
	case <-ctx.Done():
	case <-t.C:
		return false
	}
	return true
}

// follows checks where a follower begins. A number that was never given is one of another store: its
// events would be waited for in vain.
func (o *Orchestrator) follows(ctx context.Context, after int64) (int64, error) {
	var last int64
	if err := o.cfg.DB.Read().GetContext(ctx, &last, `SELECT ifnull(max(seq), 0) FROM history`); err != nil {
		return 0, fmt.Errorf("events: %w", err)
	}
	switch {
	case after == FromNow:
		return last, nil
	case after < 0 || after > last:
		return 0, wire.Invalid(fmt.Errorf("there is no event %d yet, the last one is %d: is it the number of another store?", after, last))
	}
	return after, nil
}

func (o *Orchestrator) events(ctx context.Context, id string, after int64) ([]Event, error) {
	read := func() ([]lifecycle, error) { return eventsOf(ctx, o.cfg.DB.Read(), id, after, followedAtOnce) }
	if id == "" {
		read = func() ([]lifecycle, error) { return eventsAfter(ctx, o.cfg.DB.Read(), after, followedAtOnce) }
	}
	found, err := read()
	if err != nil {
		return nil, err
	}
	events := make([]Event, len(found))
	for i, e := range found {
		doc, err := o.announcer.document(e.entry)
		if err != nil {
			return nil, err
		}
		last := i == len(found)-1 || found[i+1].number != e.number
		events[i] = Event{Number: e.number, Last: last, Name: e.name, ID: e.entry.in.ID, Ended: e.entry.in.State.Terminal(), Saga: doc}
	}
	return events, nil
}

// followers are woken when something was committed that they follow.
type followers struct {
	mu   sync.Mutex
	byID map[string]map[chan struct{}]bool // "" follows all
}

func newFollowers() *followers { return &followers{byID: make(map[string]map[chan struct{}]bool)} }

// add returns what wakes, and a function to be called at the end.
func (f *followers) add(id string) (woken <-chan struct{}, forget func()) {
	c := make(chan struct{}, 1)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.byID[id] == nil {
		f.byID[id] = make(map[chan struct{}]bool)
	}
	f.byID[id][c] = true
	return c, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if delete(f.byID[id], c); len(f.byID[id]) == 0 {
			delete(f.byID, id)
		}
	}
}

// tell wakes who follows a saga, or all.
func (f *followers) tell(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, who := range []string{id, ""} {
		for c := range f.byID[who] {
			select {
			case c <- struct{}{}:
			default: // it looks soon anyway
			}
		}
	}
}
