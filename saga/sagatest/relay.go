package sagatest

import (
	"slices"
	"strconv"
	"time"

	"github.com/girohq/giro/saga"
)

// relay publishes outbox rows until their owner releases them. It remembers nothing over a
// restart: every row is then due at once.
type relay struct {
	process   *process
	store     *store
	bug       Bug
	streams   map[string]*stream // by participant
	origin    string
	boot      int
	sends     uint64 // deliberate sends of this boot
	out       map[string]*sending
	expired   func(saga.Command)
	published []*message // first attempts
}

// sending is the present send of a row. Another takes its place with each attempt or reset.
type sending struct {
	id    string
	acked bool
}

// committed takes over what a transaction has put and dropped.
func (r *relay) committed(tx *storeTx) {
	for op, row := range tx.rows {
		if row == nil {
			delete(r.out, op)
		}
	}
	for _, op := range tx.sent {
		if row, ok := r.store.outbox[op]; ok {
			r.begin(op, row, row.notBefore-r.process.clock.now)
		}
	}
}

// sneak is the planted bug of publishing what is not committed yet.
func (r *relay) sneak(tx *storeTx) {
	for _, op := range tx.sent {
		if row := tx.rows[op]; row != nil {
			r.sends++
			r.streams[row.command.Participant].publish(&message{id: "sneak/" + strconv.FormatUint(r.sends, 10), command: row.command, origin: r.origin}, func() {})
		}
	}
}

// reset sends every row again: the process has started, or the broker's store is a new one.
func (r *relay) reset() {
	ops := make([]string, 0, len(r.store.outbox))
	for op := range r.store.outbox {
		ops = append(ops, op)
	}
	slices.SortFunc(ops, func(a, b string) int { return int(r.store.outbox[a].seq) - int(r.store.outbox[b].seq) })
	for _, op := range ops {
		r.begin(op, r.store.outbox[op], 0)
	}
}

func (r *relay) restarted() {
	r.boot++
	r.sends = 0
	r.out = map[string]*sending{}
	r.reset()
}

func (r *relay) begin(op string, row row, wait time.Duration) {
	r.sends++
	s := &sending{id: op + "/" + strconv.Itoa(row.attempt) + "." + strconv.Itoa(r.boot) + "." + strconv.FormatUint(r.sends, 10)}
	r.out[op] = s
	r.process.later(max(wait, 0), func() { r.publish(op, s, time.Second) })
}

// publish sends once, and with the same id again if no PubAck comes.
func (r *relay) publish(op string, s *sending, backoff time.Duration) {
	row, ok := r.store.outbox[op]
	if !ok || r.out[op] != s || s.acked {
		return
	}
	c := row.command
	c.Attempt = row.attempt
	life := r.process.life
	m := &message{id: s.id, command: c, origin: r.origin}
	if c.Attempt == 1 {
		r.published = append(r.published, m)
	}
	r.streams[c.Participant].publish(m, func() {
		if r.process.life == life && r.out[op] == s && !s.acked {
			r.acked(op, s, row, c)
		}
	})
	r.process.later(backoff, func() { r.publish(op, s, min(2*backoff, time.Minute)) })
}

// acked starts the attempt's timeout.
func (r *relay) acked(op string, s *sending, row row, c saga.Command) {
	s.acked = true
	if r.bug == ReleasedAtPubAck {
		delete(r.store.outbox, op)
		delete(r.out, op)
		return
	}
	r.process.later(row.timeout, func() {
		if r.out[op] == s {
			r.expired(c)
		}
	})
}
