package sagatest

import (
	"math"
	"time"
)

// Rand is the only source of chance in a run: a splitmix64 generator. It is its own so that a
// seed means the same run with every version of Go.
type Rand struct{ state uint64 }

// NewRand begins the sequence that belongs to a seed.
func NewRand(seed uint64) *Rand { return &Rand{state: seed} }

// Uint64 returns the next number of the sequence.
func (r *Rand) Uint64() uint64 {
	r.state += 0x9e3779b97f4a7c15
	z := r.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// Float64 returns a number from 0 up to, and without, 1.
func (r *Rand) Float64() float64 { return float64(r.Uint64()>>11) / (1 << 53) }

// Intn returns a number from 0 up to, and without, n; n must be greater than 0.
func (r *Rand) Intn(n int) int { return int(r.Uint64() % uint64(n)) }

// Chance is true with probability p.
func (r *Rand) Chance(p float64) bool { return p > 0 && r.Float64() < p }

// Between returns a duration from low to high.
func (r *Rand) Between(low, high time.Duration) time.Duration {
	return low + time.Duration(r.Float64()*float64(high-low))
}

// Scale returns a duration from low to high, each order of magnitude as likely as the next:
// races happen at every scale.
func (r *Rand) Scale(low, high time.Duration) time.Duration {
	return time.Duration(float64(low) * math.Pow(float64(high)/float64(low), r.Float64()))
}
