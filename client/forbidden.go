package client

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/girohq/giro/outbox"
)

// probe is how often one start of a forbidden type is sent, to see whether it still is.
const probe = 5 * time.Second

// forbidden are the types of saga that this user may not start. That is the configuration's fault and not
// the start's, so their rows stay; but they leave the window to the others, and one of each is sent now and
// then. It belongs to the goroutine of [Starter.Run].
type forbidden map[string]time.Time // when the next one is sent

// denial reports whether the broker, or what answers there, does not let this user do it.
func denial(err error) bool {
	var problem *Problem
	return errors.Is(err, ErrUnauthorized) || errors.As(err, &problem) && problem.Code == CodeUnauthorized
}

// forbid takes a start out of the window, and tells the caller when its type is new among the forbidden.
func (s *Starter) forbid(a answer) {
	sagaType := s.store.typeOf(a.m)
	_, known := s.forbidden[sagaType]
	s.forbidden[sagaType] = time.Now().Add(probe)
	a.done(a.err)
	s.relay.Committed(nil, []string{a.m.Key}) // the row stays in the table
	if known {
		return
	}
	s.cfg.Log.Error().Err(a.err).Str("type", sagaType).Msg("starts of this type are forbidden; they wait until they are allowed")
	if s.cfg.Forbidden != nil {
		s.cfg.Forbidden(sagaType, a.err)
	}
}

// allow notes that starts of these types are accepted.
func (s *Starter) allow(accepted []answer) {
	for _, a := range accepted {
		sagaType := s.store.typeOf(a.m)
		if _, was := s.forbidden[sagaType]; !was {
			continue
		}
		delete(s.forbidden, sagaType)
		s.cfg.Log.Warn().Str("type", sagaType).Msg("starts of this type are allowed again")
		if s.cfg.Forbidden != nil {
			s.cfg.Forbidden(sagaType, nil)
		}
	}
}

// types are the forbidden ones, as JSON for a query.
func (f forbidden) types() (string, error) {
	names := make([]string, 0, len(f))
	for sagaType := range f {
		names = append(names, sagaType)
	}
	list, err := json.Marshal(names)
	return string(list), err
}

// probes are keys of starts that are forbidden, one for each type that it is time to try again.
func (s *Starter) probes(ctx context.Context) (keys []string, err error) {
	now := time.Now()
	for sagaType, due := range s.forbidden {
		if now.Before(due) {
			continue
		}
		key, err := s.store.headOf(ctx, sagaType)
		if errors.Is(err, outbox.ErrNoRow) { // its starts were taken back, or accepted elsewhere
			delete(s.forbidden, sagaType)
			continue
		}
		if err != nil {
			return nil, err
		}
		s.forbidden[sagaType] = now.Add(probe)
		keys = append(keys, key)
	}
	return keys, nil
}
