package outbox

// First sends of one lane go out in the order of their commits, also across a restart. Rows that were
// loaded wait for their share of the re-send rate, new ones do not; so a new one queues behind those
// of its lane that are still to be sent.

// lanes counts, by lane, the rows that a first send must not overtake.
type lanes map[string]int

// lane names the lane of a subject.
func (r *Relay) lane(subject string) string {
	if r.cfg.Lane == nil {
		return subject
	}
	return r.cfg.Lane(subject)
}

// enter lets the row be the last of its lane.
func (l lanes) enter(r *row, lane string) {
	r.lane = lane
	l[lane]++
}

// leave is for a row that is sent, or gone.
func (l lanes) leave(r *row) {
	if r.lane == "" {
		return
	}
	if l[r.lane]--; l[r.lane] == 0 {
		delete(l, r.lane)
	}
	r.lane = ""
}
