package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/saga"
	fast "github.com/go-json-experiment/json" // half the time of encoding/json for a document
	"github.com/nats-io/nats.go"
)

// How long one try of a start is waited for. It grows, so that an orchestrator that is slow
// because it is loaded is not loaded more.
const (
	firstTry = 2 * time.Second
	longTry  = 30 * time.Second
	waitStep = 10 * time.Second // longest wait asked for in one request: an answer lost costs at most this
)

// StartOption changes one start.
type StartOption func(*start)

// WithWait makes Start return when the saga is terminal, or after d with the saga as it is then.
// It counts in whole seconds, rounded up. Publish ignores it.
func WithWait(d time.Duration) StartOption { return func(s *start) { s.wait = d } }

// WithVersion starts this version of the definition. The default is the latest.
func WithVersion(version int) StartOption {
	return func(s *start) { s.header[wire.HeaderVersion] = []string{strconv.Itoa(version)} }
}

// WithDeadline sets the saga's deadline: what is not past its pivot then is compensated. The
// default is the definition's own.
func WithDeadline(t time.Time) StartOption {
	return func(s *start) { s.header[wire.HeaderDeadline] = []string{t.UTC().Format(time.RFC3339Nano)} }
}

// WithStartAt lets the saga's first step begin no earlier than t. The saga is accepted at once.
func WithStartAt(t time.Time) StartOption {
	return func(s *start) { s.header[wire.HeaderStartAt] = []string{t.UTC().Format(time.RFC3339Nano)} }
}

// start is one wish for a saga, the same in every try.
type start struct {
	sagaType string
	id       string
	input    []byte
	header   nats.Header
	wait     time.Duration
	lane     string // of StartTx
}

// newStart checks what can be checked here. An error is a *Problem, as from the orchestrator.
func newStart(sagaType, id string, input any, opts []StartOption) (*start, error) {
	if id == "" {
		made, err := NewID()
		if err != nil {
			return nil, err
		}
		id = made
	}
	if err := errors.Join(saga.CheckID("saga type", sagaType), saga.CheckID("saga id", id)); err != nil {
		return nil, wire.Invalid(err)
	}
	body, err := encode(input)
	if err != nil {
		return nil, err
	}
	s := &start{sagaType: sagaType, id: id, input: body, header: nats.Header{wire.HeaderID: {id}}}
	for _, opt := range opts {
		opt(s)
	}
	return s, nil
}

// encode makes the body of an input: JSON as it is, anything else marshalled.
func encode(input any) ([]byte, error) {
	var body []byte
	switch v := input.(type) {
	case nil:
		body = []byte("{}")
	case []byte:
		body = v
	case json.RawMessage:
		body = v
	default:
		var err error
		if body, err = json.Marshal(v); err != nil {
			return nil, wire.Unparsable(fmt.Errorf("input: %w", err))
		}
	}
	if err := saga.CheckObject(body); err != nil {
		return nil, wire.Unparsable(fmt.Errorf("input: %w", err))
	}
	return body, nil
}

// Start starts a saga and returns it as it was accepted: committed by the orchestrator. An empty
// id makes a UUIDv7. Input is JSON ([]byte, json.RawMessage), nil for {}, or is marshalled.
//
// It repeats the same start while nobody answers, until ctx ends. When it returns an error other
// than a *Problem, the saga may have been started nevertheless: repeat with the same id. The same
// id with another input is a *Problem with [CodeConflict].
func (c *Client) Start(ctx context.Context, sagaType, id string, input any, opts ...StartOption) (saga.Document, error) {
	s, err := newStart(sagaType, id, input, opts)
	if err != nil {
		return saga.Document{}, err
	}
	doc, err := c.accepted(ctx, s)
	if err != nil {
		return doc, fmt.Errorf("start saga %s: %w", s.id, err)
	}
	return doc, nil
}

// accepted repeats s until it is accepted, and with a wait until its saga is terminal or the wait
// is over.
func (c *Client) accepted(ctx context.Context, s *start) (doc saga.Document, err error) {
	end := time.Now().Add(s.wait)
	var before error // of the try before
	for tries := 0; ; {
		left := time.Until(end)
		if doc.ID != "" && (doc.State.Terminal() || left <= 0) {
			return doc, nil
		}
		answer, err := c.try(ctx, s, left, tries)
		switch {
		case err == nil:
			doc, tries, before = answer, 0, nil
			continue
		case errors.Is(ctx.Err(), context.DeadlineExceeded) && errors.Is(before, ErrUnreachable):
			return doc, before // that nobody was there says more than that time was over in the midst of a try
		case !transient(err):
			return doc, err
		}
		before = err
		if pause(ctx, tries, err) != nil {
			return doc, err // what the last try met says more than that time is over
		}
		tries++
	}
}

// try sends s once; left is what remains of the wait.
func (c *Client) try(ctx context.Context, s *start, left time.Duration, tries int) (doc saga.Document, err error) {
	m := &nats.Msg{Subject: c.names.API("start." + s.sagaType), Header: s.header, Data: s.input}
	patience := longTry
	if tries < 4 {
		patience = firstTry << tries
	}
	if left > 0 {
		asked := min(left, waitStep)
		m.Header[wire.HeaderPrefer] = []string{"wait=" + strconv.Itoa(int(math.Ceil(asked.Seconds())))}
		patience += asked
	}
	data, err := c.exchange(ctx, m, patience)
	if err != nil {
		return doc, err
	}
	if err := fast.Unmarshal(data, &doc); err != nil {
		return doc, unreadable("start", err)
	}
	return doc, nil
}
