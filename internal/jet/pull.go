package jet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	pullBytes = 16 << 20 // of one request: bounds the memory of large messages
	// Heartbeats and statuses of requests arrive beside the messages that were asked for.
	// While Deliver blocks, fewer than this come before the last request has expired.
	statusRoom = 64
)

// pace is the time a request waits for messages, and that between two heartbeats. When two
// are missing the subscription is dead.
type pace struct{ expiry, heartbeat time.Duration }

var defaultPace = pace{expiry: 30 * time.Second, heartbeat: 2 * time.Second}

var (
	// errSilent: not even a heartbeat came.
	errSilent = errors.New("no heartbeat from the broker")
	// errDropped: more came than was asked for, and nats.go had no room for it. The broker has delivered it, so it would
	// not come again by itself for long, or ever. It happens where requests are carried twice on their way.
	errDropped = errors.New("more messages came than there was room for")
)

// pull asks one consumer for messages and hands them over, all on one goroutine.
//
// It does not use Consume of nats.go, in which a request that is asked for while another
// goroutine has not quite finished the one before is forgotten: reading then stands still
// until the heartbeats are missed, for seconds. (With a prefetch of 4 that happened once
// in 50,000 requests; it needs a whole prefetch to be worked off meanwhile.)
type pull struct {
	conn     *nats.Conn
	request  string // subject of the requests
	inbox    *nats.Subscription
	arrivals chan *nats.Msg
	prefetch int
	pace     pace
	asked    int // messages that were asked for and can still come
}

// newPull subscribes for what the consumer will send; nothing is asked for yet.
func newPull(conn *nats.Conn, consumer *jetstream.ConsumerInfo, prefetch int, pace pace) (*pull, error) {
	p := &pull{
		conn:     conn,
		request:  jetstream.DefaultAPIPrefix + "CONSUMER.MSG.NEXT." + consumer.Stream + "." + consumer.Name,
		arrivals: make(chan *nats.Msg, prefetch+statusRoom),
		prefetch: prefetch,
		pace:     pace,
	}
	inbox, err := conn.ChanSubscribe(conn.NewInbox(), p.arrivals)
	p.inbox = inbox
	return p, err
}

// close ends the subscription. What is requested afterwards on the same connection, such as
// a reset of the consumer, finds that it is gone.
func (p *pull) close() { _ = p.inbox.Unsubscribe() } // fails only on a connection that is gone

// run hands messages to deliver until ctx ends or the consumer cannot be read any more.
func (p *pull) run(ctx context.Context, deliver func(*nats.Msg)) error {
	silence := time.NewTimer(2 * p.pace.heartbeat)
	defer silence.Stop()
	for {
		if err := p.ask(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-silence.C:
			return errSilent
		case m := <-p.arrivals:
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err := p.take(m, deliver); err != nil {
				return err
			}
		}
		// Begins anew after deliver, which may have blocked for longer than that.
		silence.Reset(2 * p.pace.heartbeat)
	}
}

// ask requests more when less than half of the prefetch can still come.
func (p *pull) ask() error {
	if p.asked > p.prefetch/2 {
		return nil
	}
	if err := p.whole(); err != nil {
		return err
	}
	request, err := json.Marshal(struct {
		Batch     int           `json:"batch"`
		MaxBytes  int           `json:"max_bytes"`
		Expires   time.Duration `json:"expires"`
		Heartbeat time.Duration `json:"idle_heartbeat"`
	}{p.prefetch - p.asked, pullBytes, p.pace.expiry, p.pace.heartbeat})
	if err != nil {
		return err
	}
	p.asked = p.prefetch
	return p.conn.PublishRequest(p.request, p.inbox.Subject, request)
}

// whole says that nothing of what came was dropped.
func (p *pull) whole() error {
	if n, err := p.inbox.Dropped(); err == nil && n > 0 { // an error: the connection is gone, as others will find
		return errDropped
	}
	return nil
}

// take handles one arrival: a message of the stream, or a status of a request.
func (p *pull) take(m *nats.Msg, deliver func(*nats.Msg)) error {
	status := m.Header.Get("Status")
	if len(m.Data) > 0 || status == "" {
		p.asked--
		deliver(m)
		return nil
	}
	description := m.Header.Get("Description")
	switch {
	case status == "100": // heartbeat
		return p.whole()
	case status == "408", status == "409" && ended[description]:
		left, _ := strconv.Atoi(m.Header.Get("Nats-Pending-Messages")) // absent: all came
		p.asked = max(0, p.asked-left)
		return nil
	case status == "503":
		description = "the consumer is gone"
	}
	return fmt.Errorf("consumer: %s (%s)", description, status)
}

// ended are the conflicts that only say that a request brings no more.
var ended = map[string]bool{"Batch Completed": true, "Message Size Exceeds MaxBytes": true}
