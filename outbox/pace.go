package outbox

import "time"

const (
	minResends  = 100                    // re-sends a second that are always allowed
	resendShare = 10                     // else one send in so many may be a re-send
	burst       = 100 * time.Millisecond // unused allowance is kept this long
)

// pace is a token bucket for re-sends, so that recovery never becomes a storm: they take the
// greater of 100 a second and a tenth of all sends. First sends are counted and never held back.
type pace struct {
	tokens float64
	filled time.Time // tokens are right for this instant

	second       time.Time // when the current second of counting began
	sent, before float64   // sends in that second, and in the one before
}

// take allows one re-send now, or not yet.
func (p *pace) take(now time.Time) bool {
	p.fill(now)
	if p.tokens < 1 {
		return false
	}
	p.tokens--
	return true
}

// ready is when the next token is there, as far as one can tell now.
func (p *pace) ready(now time.Time) time.Time {
	p.fill(now)
	if p.tokens >= 1 {
		return now
	}
	missing := (1 - p.tokens) / p.rate(now)
	// Rounded up: a wake-up one nanosecond early would find no token and spin.
	return now.Add(time.Duration(missing*float64(time.Second)) + time.Microsecond)
}

// count notes n sends of any kind.
func (p *pace) count(now time.Time, n int) {
	p.turn(now)
	p.sent += float64(n)
}

// giveBack undoes take and count for a send that was none.
func (p *pace) giveBack() {
	p.tokens++
	p.sent--
}

func (p *pace) fill(now time.Time) {
	rate := p.rate(now)
	p.tokens = min(p.tokens+rate*now.Sub(p.filled).Seconds(), rate*burst.Seconds())
	p.filled = now
}

// rate is the allowed re-sends a second: it slides over the last second of sends.
func (p *pace) rate(now time.Time) float64 {
	p.turn(now)
	part := now.Sub(p.second).Seconds()
	return max(minResends, (p.before*(1-part)+p.sent)/resendShare)
}

func (p *pace) turn(now time.Time) {
	switch age := now.Sub(p.second); {
	case age < time.Second:
	case age < 2*time.Second:
		p.second, p.before, p.sent = p.second.Add(time.Second), p.sent, 0
	default:
		p.second, p.before, p.sent = now, 0, 0
	}
}

const (
	firstBackoff = time.Second
	maxBackoff   = time.Minute
)

// backoff is the wait after so many failures in a row: 1 s doubling to 60 s, each shortened by up
// to a quarter, so that rows which failed together do not come back together.
func backoff(failures int, random float64) time.Duration {
	d := maxBackoff
	if failures < 7 { // the seventh wait, 2^6 s, is above the bound
		d = firstBackoff << (failures - 1)
	}
	return d - time.Duration(random*float64(d/4))
}
