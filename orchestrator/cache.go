package orchestrator

// cacheBytes bounds the live sagas kept in memory.
const cacheBytes = 192 << 20

// cache keeps the sagas that wait for a reply between the events that move them, so that the hot path
// reads nothing. One that sleeps, or waits for a person, is not kept: days may pass, and it costs no
// memory meanwhile. The database stays the truth: an entry that is missing is loaded. It belongs to the loop.
type cache struct {
	entries map[string]*entry
	size    int // bytes, about
	limit   int
}

func newCache(limit int) *cache { return &cache{entries: make(map[string]*entry), limit: limit} }

func (c *cache) get(id string) (*entry, bool) {
	e, ok := c.entries[id]
	return e, ok
}

// put keeps a saga that waits for a reply and drops any other. When the cache is full other entries
// make room: which ones matters little, since those that move are the ones that come back.
func (c *cache) put(id string, e *entry) {
	c.drop(id)
	if e.in.State.Terminal() || !e.in.Busy() {
		return
	}
	size := e.size()
	if size > c.limit {
		return
	}
	for other := range c.entries {
		if c.size+size <= c.limit {
			break
		}
		c.drop(other)
	}
	c.entries[id] = e
	c.size += size
}

func (c *cache) drop(id string) {
	if e, ok := c.entries[id]; ok {
		c.size -= e.size()
		delete(c.entries, id)
	}
}

// size is about what an entry takes.
func (e *entry) size() int {
	const instance, step = 512, 320
	n := instance + len(e.in.Input) + len(e.in.Output) + step*len(e.in.Steps)
	for i := range e.in.Steps {
		n += len(e.in.Steps[i].Result)
	}
	for i := range e.in.Signals {
		n += len(e.in.Signals[i].Data)
	}
	return n
}
