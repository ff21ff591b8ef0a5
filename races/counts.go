package races

import "sync/atomic"

// Counts are the counters of one component since it was made. The zero value is ready, may be
// shared by any number of goroutines, and must not be copied. A nil one counts nothing.
type Counts struct {
	n [kinds]atomic.Uint64
}

// Or returns c, or new counters if c is nil: for a Config in which nil means "its own".
func Or(c *Counts) *Counts {
	if c == nil {
		return new(Counts)
	}
	return c
}

// Add counts one.
func (c *Counts) Add(k Kind) {
	if c != nil {
		c.n[k].Add(1)
	}
}

// AddN counts n at once; none costs nothing.
func (c *Counts) AddN(k Kind, n uint64) {
	if c != nil && n > 0 {
		c.n[k].Add(n)
	}
}

// Of is how often it has happened.
func (c *Counts) Of(k Kind) uint64 {
	if c == nil {
		return 0
	}
	return c.n[k].Load()
}

// Map is every counter by its name, those at zero too. The counters are read one after the other, so
// the whole is no single moment.
func (c *Counts) Map() map[string]uint64 {
	all := make(map[string]uint64, kinds)
	for _, k := range Kinds() {
		all[k.Name()] = c.Of(k)
	}
	return all
}
