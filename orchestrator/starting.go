package orchestrator

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/saga"
	"github.com/nats-io/nats.go"
)

// startRequest is the wish for a saga, from whatever door.
type startRequest struct {
	sagaType string
	id       string
	input    []byte
	version  string // "" is the latest
	pinned   int    // the same as a number
	startAt  string // RFC 3339; "" is at once
	deadline string // RFC 3339; "" is the definition's own
	trace    string // W3C traceparent, passed on
}

// startRequestOf takes the options from the headers, which are the same at every door.
func startRequestOf(sagaType, id string, input []byte, h nats.Header) startRequest {
	return startRequest{
		sagaType: sagaType, id: id, input: input, version: h.Get(wire.HeaderVersion), deadline: h.Get(wire.HeaderDeadline),
		startAt: h.Get(wire.HeaderStartAt), trace: h.Get(wire.HeaderTraceParent),
	}
}

// maxTrace bounds a traceparent; what is longer is none, and is not passed on.
const maxTrace = 128

// check refuses what no transaction is needed for. The error is a *wire.Problem.
func (r *registry) check(req startRequest) (*begin, error) {
	if err := errors.Join(saga.CheckID("saga type", req.sagaType), saga.CheckID("saga id", req.id)); err != nil {
		return nil, wire.Invalid(err)
	}
	version, err := parseVersion(req.version)
	if err != nil {
		return nil, wire.Invalid(err)
	}
	version = max(version, req.pinned)
	def, ok := r.find(req.sagaType, version)
	if !ok {
		return nil, r.unknown(req.sagaType, version)
	}
	if err := saga.CheckObject(req.input); err != nil {
		return nil, wire.Unparsable(fmt.Errorf("input: %w", err))
	}
	if err := def.CheckInput(req.input); err != nil {
		return nil, wire.Invalid(err)
	}
	b := &begin{def: def.Definition, input: req.input}
	if len(req.trace) <= maxTrace {
		b.trace = req.trace
	}
	if b.deadline, err = parseTime(wire.HeaderDeadline, req.deadline); err != nil {
		return nil, wire.Invalid(err)
	}
	if b.start, err = parseTime(wire.HeaderStartAt, req.startAt); err != nil {
		return nil, wire.Invalid(err)
	}
	return b, nil
}

// parseTime reads a header that may be absent.
func parseTime(header, s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return t, fmt.Errorf("%s %q is not an RFC 3339 time such as 2026-01-02T15:04:05Z", header, s)
	}
	return t.UTC().Truncate(time.Microsecond), nil
}

func (r *registry) unknown(name string, version int) error {
	if _, ok := r.find(name, 0); ok {
		return wire.NotFound("saga type %q has no version %d: see `giro definitions get %s`", name, version, name)
	}
	return wire.NotFound("there is no saga type %q: see `giro definitions list`, or apply its definition first", name)
}

func parseVersion(s string) (int, error) {
	if s == "" {
		return 0, nil
	}
	v, err := strconv.Atoi(s)
	if err != nil || v < 1 {
		return 0, fmt.Errorf("%s %q is not a version: 1, 2, ...", wire.HeaderVersion, s)
	}
	return v, nil
}
