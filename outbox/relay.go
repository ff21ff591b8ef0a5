package outbox

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// Publisher hands messages to a broker.
type Publisher interface {
	// Publish sends m under this message id and calls done exactly once, from any goroutine: with
	// nil when the broker has stored it, with a [Later] if it is known when to send it again. It may wait for room in a bounded window of unanswered
	// messages. m and its Header belong to the publisher; Body is shared and must not be changed.
	Publish(m *Message, msgID string, done func(error))
}

// Table is what a relay sends from where that is not the outbox of a [DB]: rows that transactions of
// somebody else's connection write.
type Table interface {
	// Read returns the message with that key as the table has it now, or [ErrNoRow].
	Read(ctx context.Context, key string) (*Message, error)
}

// RelayConfig says what a [Relay] sends and whom it tells.
type RelayConfig struct {
	DB        Database
	Publisher Publisher
	// Table takes the place of DB, which is then nil. Nothing is loaded from it at the start: its owner
	// tells the relay of each row, by Committed, as many at a time as it wants in memory. Message ids
	// repeat over restarts then, so they must not reach a broker that drops copies.
	Table Table
	// AttemptHeader is set to the attempt's number at each send. Empty: none.
	AttemptHeader string
	// Expired is called from Run's goroutine, once an attempt, when the broker had stored it and
	// its Timeout has passed in silence. The row then rests until the owner puts its next
	// attempt or deletes it.
	Expired func(key string, attempt int)
	// Gate is asked before Expired is called. Nil error: everything that could have answered has
	// been read. An error: it is asked again a second later. Nil function: no question.
	Gate func(ctx context.Context) error
	// Lane names what keeps its order among the subjects: first sends of one lane go out in the order of
	// their commits. Nil: each subject is a lane of its own.
	Lane func(subject string) string
	// Receiver names who answers a subject; see [Relay.Queues]. Nil: nobody counts.
	Receiver func(subject string) string
	// Groups names what a message belongs to; see [Relay.Hold]. Nil: nothing can be held.
	Groups func(m *Message) []string
	// Rand spreads the backoff, in [0, 1). Nil: math/rand.
	Rand func() float64
}

// Relay publishes the rows of a database's outbox until their owner deletes them. One relay
// serves one database. Its memory is a schedule; the table holds the truth.
type Relay struct {
	cfg  RelayConfig
	boot int64         // of the database, for message ids
	wake chan struct{} // has room for one: something changed before the time Run waits for

	mu      sync.Mutex
	rows    map[string]*row
	fresh   []*row   // first sends in the order of their commits
	acts    schedule // ends of timeouts, and first sends whose time will come
	resends schedule // everything that is paced
	pace    pace
	behind  lanes
	queues  map[string]*queue // by receiver
	holds   holds
	seq     int64     // of the last row put
	sends   int64     // deliberate sends of this process
	calls   int       // of Committed
	wakeAt  time.Time // when Run looks again; zero: only when woken

	counters relayCounters
}

// NewRelay makes a relay. [Relay.Run] makes it work.
func NewRelay(cfg RelayConfig) *Relay {
	if cfg.Rand == nil {
		cfg.Rand = rand.Float64
	}
	var boot int64
	if cfg.DB != nil {
		boot = cfg.DB.Boot()
	}
	return &Relay{
		cfg:    cfg,
		boot:   boot,
		wake:   make(chan struct{}, 1),
		rows:   map[string]*row{},
		holds:  holds{map[string]bool{}, map[string]time.Time{}},
		behind: lanes{},
		queues: map[string]*queue{},
		seq:    boot << 40, // after the rows of earlier boots, see [Tx]
	}
}

// Committed tells the relay what a transaction has put and deleted, after its commit and in the
// order of commits. First sends go out at once, in the order of put, on Run's goroutine. If a
// key is in both lists, what the table holds decides. The slices may be reused afterwards.
func (r *Relay) Committed(put []Message, deleted []string) {
	if len(put) == 0 && len(deleted) == 0 {
		return
	}
	for _, key := range r.take(put, deleted) {
		r.reconcile(key)
	}
	r.signal()
}

// take returns the keys that are in both lists: which came last is not known here.
func (r *Relay) take(put []Message, deleted []string) (both []string) {
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls++
	for i := range put {
		r.put(put[i], now)
	}
	for _, key := range deleted {
		row, ok := r.rows[key]
		switch {
		case !ok:
		case len(put) > 0 && row.putBy == r.calls:
			both = append(both, key)
		default:
			r.forget(row)
		}
	}
	return both
}

// put schedules a committed message. Only the first send of a first attempt is not paced.
func (r *Relay) put(m Message, now time.Time) {
	known, ok := r.rows[m.Key]
	if ok {
		known.putBy = r.calls
		known.renew(&m)
		r.resend(known, later(now, m.NotBefore))
		return
	}
	r.seq++
	added := &row{key: m.Key, seq: r.seq, since: now, putBy: r.calls}
	added.renew(&m)
	r.rows[m.Key] = added
	r.address(added, m.Subject)
	if m.Subject != "" {
		added.first = &m
	}
	switch {
	case m.Attempt > 1 || m.Subject == "":
		r.resend(added, later(now, m.NotBefore))
	case m.NotBefore.After(now):
		added.phase = waiting
		r.acts.add(added, m.NotBefore)
	case len(r.behind) > 0 && r.behind[r.lane(m.Subject)] > 0:
		r.behind.enter(added, r.lane(m.Subject))
		added.first = nil // it may wait for long, and be amended meanwhile
		r.resend(added, now)
	default:
		added.phase = fresh
		r.fresh = append(r.fresh, added)
	}
}

// Reset says that the broker's store is a new one that has nothing. Every row is due at once,
// oldest first, at the re-send rate, as a new send with its backoff at the beginning.
func (r *Relay) Reset() {
	now := time.Now()
	r.mu.Lock()
	for _, row := range r.rows {
		if row.phase == fresh || row.first != nil && row.phase == waiting {
			continue // it was never sent
		}
		row.begin()
		if row.phase == parked {
			continue
		}
		r.resend(row, later(now, row.earlier))
	}
	r.mu.Unlock()
	r.signal()
}

// Depth is how many rows are unanswered.
func (r *Relay) Depth() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.rows)
}

// Sent is how many sends were begun in this process, and up to which of them the broker need not keep any: each was
// answered, has failed for good, or was followed by another of the same row. What earlier processes have sent it need
// not keep when that is more than none.
func (r *Relay) Sent() (all, spare int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	spare = r.sends
	for _, row := range r.rows {
		spare = min(spare, row.spare)
	}
	return r.sends, spare
}

// State is what the relay knows of the row with that key; false: there is none.
func (r *Relay) State(key string) (RowState, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	row, ok := r.rows[key]
	if !ok {
		return RowState{}, false
	}
	return RowState{Attempt: row.attempt, Acked: row.phase == acked || row.phase == expired, Held: row.phase == parked, Next: row.at}, true
}

// resend schedules the row among what is paced.
func (r *Relay) resend(row *row, at time.Time) {
	row.phase = waiting
	r.resends.add(row, at)
}

// forget drops the row. Whatever is under way for it is stale.
func (r *Relay) forget(row *row) {
	row.begin()
	if row.queue != nil {
		row.queue.answered++
	}
	r.behind.leave(row)
	delete(r.rows, row.key)
}

// current says whether what was begun in that epoch of the row still counts.
func (r *Relay) current(row *row, epoch int) bool {
	return r.rows[row.key] == row && row.epoch == epoch
}

func (r *Relay) signal() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}
