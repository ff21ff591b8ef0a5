package outbox

import (
	"math"
	"strconv"
	"time"
)

// phase says where a row is on its way; doc.go has the words.
type phase int

const (
	fresh   phase = iota // its first send is due, in the queue of first sends
	waiting              // for its time or its share of the rate, in a schedule
	sending              // with the publisher
	acked                // stored by the broker, in the schedule of acts if it has a timeout
	expired              // the owner was told of the silence
	parked               // until its group is lifted
)

// row is what the relay knows of a row of the table: its schedule, and the message only until
// the first send, so that a large backlog is small in memory.
type row struct {
	key     string
	seq     int64     // order among rows due at one instant
	since   time.Time // this process knows of it
	attempt int
	timeout time.Duration
	earlier time.Time // not before
	first   *Message  // nil: read it from the table

	lane     string // that it holds back; "" once it was sent
	phase    phase
	group    string // that it is parked with
	place    string // the lane in which it may not be overtaken when it is lifted; "" if it was sent before
	send     int64  // n of the message id; 0: the next publish is a new send
	spare    int64  // no send up to this one is of use to it: see [Relay.Sent]
	epoch    int    // counts replacements; an ack for an earlier epoch is stale
	failures int    // publishes not acknowledged, in a row
	putBy    int    // the call of Committed that put it last

	queue  *queue // of its receiver; nil: nobody counts
	queued bool   // it counts there

	at    time.Time // of the next act; zero: none is scheduled
	in    *schedule // where it is scheduled
	index int       // its place there
}

// begin makes the row's next publish a new send of a new epoch: whatever was under way is stale.
func (r *row) begin() {
	r.unschedule()
	r.dequeue()
	r.epoch++
	r.send, r.failures, r.spare = 0, 0, math.MaxInt64
}

// renew takes over what a Put may change.
func (r *row) renew(m *Message) {
	r.begin()
	r.attempt, r.timeout, r.earlier = m.Attempt, m.Timeout, m.NotBefore
	r.first = nil
}

// messageID is key/attempt.boot.n.
func (r *row) messageID(boot int64) string {
	id := make([]byte, 0, len(r.key)+24)
	id = append(append(id, r.key...), '/')
	id = append(strconv.AppendInt(id, int64(r.attempt), 10), '.')
	id = append(strconv.AppendInt(id, boot, 10), '.')
	return string(strconv.AppendInt(id, r.send, 10))
}

// RowState is what the relay knows of one row, for a person who asks why it waits.
type RowState struct {
	Attempt int
	Acked   bool      // the broker has stored the attempt
	Held    bool      // its group is held
	Next    time.Time // of the next re-send, or of the end of the timeout; zero: none is planned
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
