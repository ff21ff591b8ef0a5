package lab

import (
	"context"
	"database/sql"
)

func outOfOrder() Experiment {
	both := []Database{SQLite, Postgres}
	return Experiment{
		Name:      "out-of-order",
		Sentence:  "A newer value arrives before an older one, and the older one is written over it.",
		Operation: "a change of an item's state, one of ten that are numbered; the deliveries are shuffled",
		Anomaly:   "an item whose last state is not the newest",
		Techniques: []Technique{
			{Name: None, On: both, Prepare: shuffled(setState),
				Sentence: "Whoever comes last writes last."},
			{Name: "version", Kind: "optimistic locking", Claims: true, On: both, Prepare: shuffled(setState + ifNewer),
				Sentence: "The statement that writes lets only a higher number in; what comes late does nothing."},
			{Name: "ordered", Kind: "ordered events", Claims: true, On: both, Prepare: inStreamOrder,
				Sentence: "A stream keeps the order in which its source sent, and a participant of Giro applies the changes of a key one after the other, in that order. Its commits are synced."},
		},
	}
}

const itemTable = `CREATE TABLE items (item BIGINT PRIMARY KEY, state BIGINT NOT NULL)`

const (
	setState = `INSERT INTO items (item, state) VALUES ($1, $2) ON CONFLICT (item) DO UPDATE SET state = excluded.state`
	ifNewer  = ` WHERE items.state < excluded.state`

	readItems = `SELECT item, state FROM items`
)

// changesOfItem is how often an item changes. Then another takes its place, so that as many are
// being changed at a time as there are keys.
const changesOfItem = 10

// items is how many are being changed at a time: one for each key, if the operations suffice.
func (l Load) items() int { return max(1, min(l.Keys, l.Ops/changesOfItem)) }

// change is the nth as its source has sent it: of which item, and its number there, 1 being the first.
func (l Load) change(n int) (item, number int) {
	round := l.items() * changesOfItem
	return n/round*l.items() + n%l.items(), n%round/l.items() + 1
}

// shuffle is in which order the changes are delivered: those of the items of one time in any.
func (l Load) shuffle() []int {
	order := make([]int, l.Ops)
	for n := range order {
		order[n] = n
	}
	round := l.items() * changesOfItem
	for from := 0; from < l.Ops; from += round {
		part := order[from:min(from+round, l.Ops)]
		l.draw(from).Shuffle(len(part), func(i, j int) { part[i], part[j] = part[j], part[i] })
	}
	return order
}

// shuffled writes each change as it comes.
func shuffled(statement string) preparation {
	return func(ctx context.Context, w *World, on Database, load Load) (*Trial, error) {
		db, err := w.Open(ctx, on, load.conns(on), itemTable)
		if err != nil {
			return nil, err
		}
		order := load.shuffle()
		t := &Trial{Met: &Met{}, Close: db.Close}
		t.Do = func(ctx context.Context, _, n int) error {
			item, number := load.change(order[n])
			written, err := changed(db.ExecContext(ctx, statement, item, number))
			if err == nil && !written {
				t.Met.Conflicts.Add(1)
			}
			return err
		}
		t.Anomalies = func(ctx context.Context) (int, error) { return outdated(ctx, db, load) }
		return t, nil
	}
}

// reader is what the items are read from when all is done.
type reader interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// outdated counts items that are not in the state of their last change.
func outdated(ctx context.Context, db reader, load Load) (int, error) {
	newest := map[int]int{}
	for n := range load.Ops {
		item, number := load.change(n)
		newest[item] = number
	}
	rows, err := db.QueryContext(ctx, readItems)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for rows.Next() {
		var item, state int
		if err := rows.Scan(&item, &state); err != nil {
			return 0, err
		}
		if newest[item] == state {
			delete(newest, item)
		}
	}
	return len(newest), rows.Err()
}
