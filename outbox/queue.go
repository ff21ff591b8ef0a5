package outbox

// queue counts the messages of one receiver that the broker has stored, and that nobody has answered yet.
// It belongs to the relay's lock.
type queue struct {
	waiting  int
	answered uint64
}

// Queue is how long a receiver's queue is, and how fast it moves; see [Relay.Queues].
type Queue struct {
	Waiting  int    // sent, stored by the broker, and not answered
	Answered uint64 // rows that were deleted since the relay was made
}

// Queues are those of all receivers that a message was sent to since the relay was made, by
// [RelayConfig.Receiver]. What was not sent stands in none: it waits for something else than its receiver.
func (r *Relay) Queues() map[string]Queue {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make(map[string]Queue, len(r.queues))
	for receiver, q := range r.queues {
		all[receiver] = Queue{q.waiting, q.answered}
	}
	return all
}

// address puts a new row down for its receiver. The caller has the lock.
func (r *Relay) address(row *row, subject string) {
	if r.cfg.Receiver == nil || subject == "" {
		return
	}
	receiver := r.cfg.Receiver(subject)
	q, ok := r.queues[receiver]
	if !ok {
		q = &queue{}
		r.queues[receiver] = q
	}
	row.queue = q
}

// enqueue notes that the broker has stored the row's present send.
func (r *row) enqueue() {
	if r.queue != nil && !r.queued {
		r.queued = true
		r.queue.waiting++
	}
}

// dequeue notes that its present send is over: answered, or to be replaced.
func (r *row) dequeue() {
	if r.queued {
		r.queued = false
		r.queue.waiting--
	}
}
