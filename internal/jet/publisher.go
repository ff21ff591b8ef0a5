package jet

import (
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/girohq/giro/outbox"
)

const (
	defaultMaxPending = 4096
	ackTimeout        = 10 * time.Second
	sweepEvery        = time.Second
	stallTimeout      = 200 * time.Millisecond
)

// Publisher publishes to streams without waiting for the broker and reports the outcome
// of each message exactly once. It is safe for concurrent use.
//
// It does not use jetstream.PublishMsgAsync, which keeps a timer and a future for each
// message and leaves messages unreported when the connection is closed. Here a message
// costs one map entry: all acknowledgements come to one subscription, the last token of
// their subject is the message's number.
type Publisher struct {
	nc     *nats.Conn
	acks   *nats.Subscription
	prefix string // of the reply subjects, with its last dot

	slots   chan struct{} // one held by each pending message
	stalled atomic.Bool   // somebody waited for a slot in vain, and none became free since

	mu      sync.Mutex
	last    uint64
	pending map[uint64]pending
	closed  bool // nobody watches pending any more

	quit     chan struct{}
	quitOnce sync.Once
	ended    chan struct{}
}

// pending is a message that the broker has not answered yet.
type pending struct {
	done  func(error)
	since time.Time
}

// NewPublisher returns a publisher on nc that lets at most maxPending messages (0: 4096)
// wait for the broker's answer. It lives until Close, or until nc is closed.
func NewPublisher(nc *nats.Conn, maxPending int) (*Publisher, error) {
	if maxPending <= 0 {
		maxPending = defaultMaxPending
	}
	p := &Publisher{
		nc:      nc,
		prefix:  nc.NewInbox() + ".",
		slots:   make(chan struct{}, maxPending),
		pending: make(map[uint64]pending),
		quit:    make(chan struct{}),
		ended:   make(chan struct{}),
	}
	status := nc.StatusChanged(nats.RECONNECTING, nats.CLOSED)
	acks, err := nc.Subscribe(p.prefix+"*", p.answered)
	if err != nil {
		nc.RemoveStatusListener(status)
		return nil, err
	}
	p.acks = acks
	go p.watch(status)
	return p, nil
}

// Publish sends m with msgID as its Nats-Msg-Id and calls done exactly once: with nil when
// the broker stored it (or had stored it before under this id), else with the reason, see
// the errors of this package. The id goes into m's own header. done runs on the caller's
// goroutine or on one that all acknowledgements share: it must not block. Publish waits a
// moment when too many messages are pending, never longer than 200 ms.
func (p *Publisher) Publish(m *outbox.Message, msgID string, done func(error)) {
	if m.Header == nil {
		m.Header = nats.Header{}
	}
	m.Header[jetstream.MsgIDHeader] = []string{msgID}
	p.PublishMsg(&nats.Msg{Subject: m.Subject, Header: m.Header, Data: m.Body}, done)
}

// PublishMsg is [Publisher.Publish] for a message that is complete, its Nats-Msg-Id
// included. m must not be used before done is called; its Reply is set.
func (p *Publisher) PublishMsg(m *nats.Msg, done func(error)) {
	if !p.acquire() {
		done(ErrFull)
		return
	}
	number, ok := p.register(done)
	if !ok {
		<-p.slots
		done(ErrClosed)
		return
	}
	m.Reply = p.prefix + strconv.FormatUint(number, 36)
	if err := p.nc.PublishMsg(m); err != nil {
		p.resolve(number, publishError(m.Subject, err))
	}
}

// Pending is the number of messages that wait for the broker's answer.
func (p *Publisher) Pending() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.pending)
}

// Close ends the publisher: what is pending is reported as ErrDisconnected before it
// returns, what is published later as ErrClosed.
func (p *Publisher) Close() {
	p.quitOnce.Do(func() { close(p.quit) })
	<-p.ended
}

// acquire takes a slot. Only the first caller that finds none waits; until one becomes
// free the others fail at once, so that a whole batch is not held up message by message.
func (p *Publisher) acquire() bool {
	select {
	case p.slots <- struct{}{}:
		return true
	default:
	}
	if p.stalled.Load() {
		return false
	}
	t := time.NewTimer(stallTimeout)
	defer t.Stop()
	select {
	case p.slots <- struct{}{}:
		return true
	case <-t.C:
		p.stalled.Store(true)
		return false
	}
}

func (p *Publisher) register(done func(error)) (number uint64, ok bool) {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return 0, false
	}
	p.last++
	p.pending[p.last] = pending{done: done, since: now}
	return p.last, true
}

// resolve reports a message's outcome, unless it was reported before: whoever takes the
// entry out of the map is the one who calls done.
func (p *Publisher) resolve(number uint64, err error) {
	p.mu.Lock()
	e, ok := p.pending[number]
	delete(p.pending, number)
	p.mu.Unlock()
	if ok {
		p.report(e, err)
	}
}

func (p *Publisher) report(e pending, err error) {
	<-p.slots
	p.stalled.Store(false)
	e.done(err)
}

// answered takes one answer of the broker.
func (p *Publisher) answered(m *nats.Msg) {
	number, err := strconv.ParseUint(m.Subject[len(p.prefix):], 36, 64)
	if err == nil {
		p.resolve(number, parseAck(m))
	}
}

// watch reports the messages whose answer cannot or did not come.
func (p *Publisher) watch(status chan nats.Status) {
	defer close(p.ended)
	defer p.nc.RemoveStatusListener(status)
	defer p.shut()
	sweep := time.NewTicker(sweepEvery)
	defer sweep.Stop()
	for {
		select {
		case <-status:
			if !p.nc.IsClosed() { // else nothing may come in any more before that is reported
				p.fail(ErrDisconnected, time.Time{})
			}
		case now := <-sweep.C:
			p.sweep(now)
		case <-p.quit:
			return
		}
		if p.nc.IsClosed() {
			return
		}
	}
}

// shut lets nothing in any more and reports what is left.
func (p *Publisher) shut() {
	_ = p.acks.Unsubscribe() // fails only on a connection that is gone
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.fail(ErrDisconnected, time.Time{})
}

// sweep reports what has waited for too long.
func (p *Publisher) sweep(now time.Time) { p.fail(ErrAckTimeout, now.Add(-ackTimeout)) }

// fail reports err for all pending messages, or for those sent before the given time.
func (p *Publisher) fail(err error, before time.Time) {
	var failed []pending
	p.mu.Lock()
	for number, e := range p.pending {
		if before.IsZero() || e.since.Before(before) {
			failed = append(failed, e)
			delete(p.pending, number)
		}
	}
	p.mu.Unlock()
	for _, e := range failed {
		p.report(e, err)
	}
}
