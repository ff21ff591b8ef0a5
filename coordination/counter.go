package coordination

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/girohq/giro/internal/jet"
	"github.com/girohq/giro/races"
)

// CounterConfig is where counters live.
type CounterConfig struct {
	JetStream jetstream.JetStream // required; the server must be 2.12 or newer
	Name      string              // of the set of counters; "counters" if empty
	Replicas  int                 // of the stream, 1 if 0; 3 or 5 need a cluster
	Races     *races.Counts       // additions that were repeated; its own if nil

	maxAge time.Duration // after the last addition, for ever if 0
}

// Counters are whole numbers with names, added to by the server: no reader sees an addition half
// done, none is lost to another, and nobody waits for a lock. They are as durable as the broker's
// store, so money is not counted here.
type Counters struct {
	js     jetstream.JetStream
	cfg    CounterConfig
	stream jetstream.Stream
}

// OpenCounters makes the stream of the counters if there is none. [ErrInvalid]: the configuration
// cannot be used. An older server passes over what makes a stream count; that is an error here.
func OpenCounters(ctx context.Context, cfg CounterConfig) (*Counters, error) {
	if cfg.Name == "" {
		cfg.Name = "counters"
	}
	cfg.Races = races.Or(cfg.Races)
	switch {
	case cfg.JetStream == nil:
		return nil, fmt.Errorf("%w: counters need a JetStream", ErrInvalid)
	case !plain.MatchString(cfg.Name):
		return nil, fmt.Errorf("%w: counters %q: letters, digits, - and _", ErrInvalid, cfg.Name)
	}
	c := &Counters{js: cfg.JetStream, cfg: cfg}
	if err := c.ensure(ctx); err != nil {
		return nil, fmt.Errorf("coordination: counters %s: %w", cfg.Name, err)
	}
	return c, nil
}

// recent is how many additions of a counter the stream keeps: an answer that was lost is read from
// there. The sum is in the last of them.
const recent = 64

func (c *Counters) ensure(ctx context.Context) error {
	want := jetstream.StreamConfig{
		Name:              "COUNT_" + c.cfg.Name,
		Description:       "counters of giro/coordination",
		Subjects:          []string{c.subject(">")},
		AllowMsgCounter:   true,
		MaxMsgsPerSubject: recent,
		MaxAge:            c.cfg.maxAge,
		Duplicates:        2 * time.Minute, // far longer than Add repeats itself
		AllowDirect:       false,           // direct reads are answered by any replica, however far behind
		Replicas:          max(c.cfg.Replicas, 1),
	}
	if _, _, err := jet.EnsureStream(ctx, c.js, want); err != nil {
		return err
	}
	stream, err := c.js.Stream(ctx, want.Name)
	c.stream = stream
	return err
}

func (c *Counters) subject(key string) string { return "$COUNT." + c.cfg.Name + "." + key }

// Add adds delta, which may be negative or 0, and returns the sum with it. It repeats itself until
// the broker answers, under one message id, so a repeat is not added twice: until ctx ends, and for
// 5 s at most. [ErrUnsure]: it was added, or may have been. [ErrRange]: it was added, and the sum
// does not fit an int64.
func (c *Counters) Add(ctx context.Context, key string, delta int64) (int64, error) {
	if err := checkName(key); err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	msg := nats.NewMsg(c.subject(key))
	msg.Header.Set("Nats-Incr", strconv.FormatInt(delta, 10))
	msg.Header.Set(jetstream.MsgIDHeader, nuid.Next())
	for wait := minPause; ; wait = min(2*wait, maxPause) {
		sum, err := c.add(ctx, msg)
		if err == nil || final(err) {
			return sum, wrapCounter(key, err)
		}
		if pause(ctx, nil, wait) != nil {
			return 0, fmt.Errorf("counter %s: %w: %w", key, ErrUnsure, err)
		}
	}
}

// add makes one attempt.
func (c *Counters) add(ctx context.Context, msg *nats.Msg) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	ack, err := c.js.PublishMsg(ctx, msg)
	if err != nil {
		return 0, err
	}
	if ack.Duplicate {
		c.cfg.Races.Add(races.AdditionRepeated)
		return c.earlier(ctx, ack.Sequence)
	}
	return parseSum(ack.Value)
}

// earlier reads the result of an addition whose answer was lost.
func (c *Counters) earlier(ctx context.Context, seq uint64) (int64, error) {
	msg, err := c.stream.GetMsg(ctx, seq)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return 0, fmt.Errorf("%w: added, but %d additions ago", ErrUnsure, recent)
	}
	if err != nil {
		return 0, err
	}
	return parseBody(msg.Data)
}

// Get reads a counter; one that was never added to is 0. On a cluster that is changing its leader
// it may be a moment old: Add(ctx, key, 0) is never, and costs a message.
func (c *Counters) Get(ctx context.Context, key string) (int64, error) {
	if err := checkName(key); err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	msg, err := c.stream.GetLastMsgForSubject(ctx, c.subject(key))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, wrapCounter(key, err)
	}
	sum, err := parseBody(msg.Data)
	return sum, wrapCounter(key, err)
}

// final errors are the same when it is tried again. What the server refuses for now (503, 409 for
// a repeat of what is still under way, 429) is not.
func final(err error) bool {
	var refused *jetstream.APIError
	if errors.As(err, &refused) {
		return refused.Code == http.StatusBadRequest || refused.Code == http.StatusNotFound
	}
	return errors.Is(err, ErrRange) || errors.Is(err, ErrUnsure)
}

func wrapCounter(key string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("counter %s: %w", key, err)
}

func parseBody(body []byte) (int64, error) {
	var b struct {
		Sum string `json:"val"`
	}
	if err := json.Unmarshal(body, &b); err != nil {
		return 0, fmt.Errorf("%w: no counter: %.40q", ErrRange, body)
	}
	return parseSum(b.Sum)
}

func parseSum(s string) (int64, error) {
	sum, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%w: %.40q", ErrRange, s)
	}
	return sum, nil
}
