package jet

import "time"

// SweepAt does what the publisher does each second, as if it were now.
func (p *Publisher) SweepAt(now time.Time) { p.sweep(now) }

// Verified checks what the server made of a stream.
var Verified = verified

// Hurry lets requests expire, and silence be noticed, sooner. Before Run.
func (r *Reader) Hurry(expiry, heartbeat time.Duration) { r.pace = pace{expiry, heartbeat} }
