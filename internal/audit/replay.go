package audit

// replay goes through the entries of every account in their order, and compares what the bank
// wrote down after each (I4) and what it has now (I3) with their sum.
func (b *bank) replay(s source) error {
	var at string
	var books replayed
	seen := 0
	err := s.each(func(c *cursor) error {
		if name := c.text(0); name != at || seen == 0 {
			if seen > 0 {
				b.settle(at, books)
			}
			at, books = name, replayed{}
			seen++
		}
		b.next(at, &books, c.number(1), c.number(2), c.number(3))
		return nil
	}, `SELECT account, version, change, balance FROM entries ORDER BY account, version`)
	if err != nil {
		return err
	}
	if seen > 0 {
		b.settle(at, books)
	}
	b.settleUnmoved()
	return b.readOpenings(s)
}

// replayed is an account as its entries make it.
type replayed struct {
	balance int64
	version int64
	broken  bool // told already: one wrong entry makes all that follow wrong
}

func (b *bank) next(name string, r *replayed, version, change, balance int64) {
	r.version++
	r.balance += change
	if r.broken {
		return
	}
	r.broken = true
	switch {
	case version != r.version:
		b.found.add("I4", "", "account %s of bank %s: entry %d follows entry %d: one is missing or stands twice", name, b.name, version, r.version-1)
	case balance != r.balance:
		b.found.add("I4", "", "account %s of bank %s: entry %d says balance %d, the entries so far add up to %d", name, b.name, version, balance, r.balance)
	case balance < 0:
		b.found.add("I4", "", "account %s of bank %s is overdrawn after entry %d: %d", name, b.name, version, balance)
	default:
		r.broken = false
	}
}

// settle compares an account with the end of its entries.
func (b *bank) settle(name string, r replayed) {
	a, ok := b.accounts[name]
	switch {
	case !ok:
		b.found.add("I3", "", "bank %s has entries of account %s, which does not exist there", b.name, name)
		return
	case a.balance != r.balance:
		b.found.add("I3", "", "account %s of bank %s has %d, its entries add up to %d", name, b.name, a.balance, r.balance)
	case a.version != r.version:
		b.found.add("I3", "", "account %s of bank %s was moved %d times, and has %d entries", name, b.name, a.version, r.version)
	case a.held < 0 || a.held > a.balance:
		b.found.add("I4", "", "account %s of bank %s has %d and holds %d of it", name, b.name, a.balance, a.held)
	}
	a.replayed = true
}

// settleUnmoved looks at the accounts without any entry.
func (b *bank) settleUnmoved() {
	for name, a := range b.accounts {
		if !a.replayed {
			b.settle(name, replayed{})
		}
	}
}

// readOpenings sums up what was there before the first saga. An account opens with its first
// entry, or money is made out of nothing.
func (b *bank) readOpenings(s source) error {
	return s.each(func(c *cursor) error {
		name, version := c.text(0), c.number(2)
		if a, ok := b.accounts[name]; ok {
			b.openings[a.currency] += c.number(1)
		}
		if version != 1 {
			b.found.add("I3", "", "account %s of bank %s got an opening balance as entry %d", name, b.name, version)
		}
		return nil
	}, `SELECT account, change, version FROM entries WHERE kind = 'opening'`)
}
