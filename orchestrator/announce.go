package orchestrator

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/girohq/giro/internal/jet"
	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/saga"
	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"
)

// announcer tells the world what was committed: callers that wait, and subscribers of events. It
// works beside the loop, so that writing JSON does not hold up the next batch.
//
// Events are hints, but at least once until the broker has them: their numbers are rows of the
// history, and meta keeps the number up to which all of them were published.
type announcer struct {
	names     wire.Names
	origin    string
	registry  *registry
	pauses    *pauses
	publisher *jet.Publisher
	limit     func() int64 // of a message, by the broker; 0: not known
	waiters   *waiters
	followers *followers
	db        *outbox.DB
	log       zerolog.Logger

	metrics *metrics

	batches  chan announcement
	prepared atomic.Bool // the streams are there and ours; until then nothing is published

	mu        sync.Mutex
	published mark
}

// announcement is a committed batch on its way to whoever wants to know.
type announcement struct {
	batch *batch
	items []*work
}

// Run announces until the context ends and what was committed before is announced.
func (a *announcer) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			for {
				select {
				case b := <-a.batches:
					a.announce(b)
				default:
					return nil
				}
			}
		case b := <-a.batches:
			a.announce(b)
		}
	}
}

func (a *announcer) announce(b announcement) {
	defer a.metrics.announced(b)
	for _, w := range b.items {
		w.finish()
	}
	for _, e := range b.batch.events {
		a.followers.tell(e.entry.in.ID)
		doc, err := a.document(e.entry)
		if err == nil && a.prepared.Load() { // else it is published when the streams are ours, from the history
			err = a.publish(e, doc)
		}
		if err != nil {
			a.log.Error().Err(err).Str("saga", e.entry.in.ID).Msg("event")
			continue
		}
		if e.entry.in.State.Terminal() {
			a.waiters.finished(e.entry, doc)
		}
	}
}

// unpublished is how many events are out and not acknowledged.
func (a *announcer) unpublished() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.published.open)
}

// document is the JSON of a saga.
func (a *announcer) document(e *entry) ([]byte, error) {
	described, err := a.describe(e)
	if err != nil {
		return nil, err
	}
	return encodeDocument(&described)
}

func (a *announcer) describe(e *entry) (saga.Document, error) {
	if e.archived() {
		return e.remains(), nil
	}
	def, err := a.registry.pinned(e.in.Type, e.in.Version)
	if err != nil {
		return saga.Document{}, err
	}
	described := saga.Describe(def, &e.in)
	a.pauses.explain(&described, &e.in)
	return described, nil
}

// documentRoom is what a document of two steps takes beside its bodies.
const documentRoom = 1024

func encodeDocument(d *saga.Document) ([]byte, error) {
	doc, err := d.AppendJSON(make([]byte, 0, documentRoom+len(d.Input)+len(d.Output)))
	if err != nil {
		return nil, fmt.Errorf("document of saga %s: %w", d.ID, err)
	}
	return doc, nil
}

// eventHeaders is more than the headers of an event take.
const eventHeaders = 1024

// fitting is the document as the broker takes it: one that is too large goes without its bodies, then without
// its steps. An event that can never be published would hold up the mark, and all after it would be
// repeated for ever.
func (a *announcer) fitting(e *entry, doc []byte) ([]byte, error) {
	limit := a.limit() - eventHeaders
	if limit <= 0 || int64(len(doc)) <= limit {
		return doc, nil
	}
	described, err := a.describe(e)
	if err != nil {
		return nil, err
	}
	described.Input, described.Output, described.Signals = nil, nil, nil
	for i := range described.Steps {
		described.Steps[i].Result = nil
	}
	if doc, err = encodeDocument(&described); err != nil || int64(len(doc)) <= limit {
		return doc, err
	}
	described.Steps = []saga.StepDocument{}
	return encodeDocument(&described)
}

func (a *announcer) publish(e lifecycle, doc []byte) error {
	doc, err := a.fitting(e.entry, doc)
	if err != nil {
		return err
	}
	number := strconv.FormatInt(e.number, 10)
	m := &nats.Msg{Subject: a.names.EventSubject(e.entry.in.Type, e.entry.in.ID, e.name), Data: doc, Header: nats.Header{
		wire.HeaderEventNumber: {number},
		wire.HeaderMsgID:       {a.origin + "/" + number + "/" + e.name},
	}}
	a.mu.Lock()
	a.published.add(e.number)
	a.mu.Unlock()
	a.publisher.PublishMsg(m, func(err error) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.published.done(e.number, err == nil)
	})
	return nil
}

// Sweep writes the mark down now and then, and publishes again what failed, until the context ends.
func (a *announcer) Sweep(ctx context.Context) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := a.sweep(ctx); err != nil && ctx.Err() == nil {
			a.log.Warn().Err(err).Msg("events; trying again")
		}
	}
}

func (a *announcer) sweep(ctx context.Context) error {
	a.mu.Lock()
	upTo, moved := a.published.save()
	broken := a.published.failed > 0
	a.mu.Unlock()
	if moved {
		if err := a.db.Write(ctx, func(tx outbox.Tx) error { return saveMark(ctx, tx, upTo) }); err != nil {
			return err
		}
	}
	if broken {
		return a.republish(ctx)
	}
	return nil
}

// republish sends every event behind the mark once more, with its saga as it stands now. At the
// start it runs before Sweep, so that no newer event moves the mark past an older one.
func (a *announcer) republish(ctx context.Context) error {
	a.mu.Lock()
	a.published.failed = 0
	from := a.published.low
	a.mu.Unlock()
	for {
		events, err := eventsAfter(ctx, a.db.Read(), from, eventsAtOnce)
		if err != nil {
			return err
		}
		for _, e := range events {
			doc, err := a.document(e.entry)
			if err == nil {
				err = a.publish(e, doc)
			}
			if err != nil {
				return err
			}
			from = e.number
		}
		if len(events) < eventsAtOnce {
			return nil
		}
	}
}

// mark follows which numbers are done and knows the number up to which all are.
type mark struct {
	low    int64         // every number up to here is done
	high   int64         // the highest number ever added
	failed int64         // the lowest number that failed since the last repeat; 0: none
	saved  int64         // low as it is in the database
	open   map[int64]int // how often a number is out
}

func newMark(low int64) mark {
	return mark{low: low, high: low, saved: low, open: make(map[int64]int)}
}

func (m *mark) add(n int64) {
	m.open[n]++
	m.high = max(m.high, n)
}

func (m *mark) done(n int64, ok bool) {
	if m.open[n]--; m.open[n] <= 0 {
		delete(m.open, n)
	}
	if !ok && (m.failed == 0 || n < m.failed) {
		m.failed = n
	}
}

// save returns the mark to write down, and whether it has moved since the last call.
func (m *mark) save() (int64, bool) {
	low := m.high
	if m.failed > 0 {
		low = m.failed - 1
	}
	for n := range m.open {
		low = min(low, n-1)
	}
	m.low = max(m.low, low)
	moved := m.low > m.saved
	m.saved = m.low
	return m.low, moved
}
