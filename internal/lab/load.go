package lab

import (
	"context"
	"fmt"
	"math/rand/v2"
)

// preparation is how a technique prepares a trial: see [Technique].
type preparation func(ctx context.Context, w *World, on Database, load Load) (*Trial, error)

// sqliteConns is how many connections a file of SQLite is given. It has one writer at a time; more
// that wait for it only sleep longer, and the workers that have none wait in line.
const sqliteConns = 8

// conns is how many connections the workers share.
func (l Load) conns(on Database) int {
	if on == SQLite {
		return min(l.Workers, sqliteConns)
	}
	return l.Workers
}

// draw is the chance of operation n: the same in each run with the same seed, whoever does it.
func (l Load) draw(n int) *rand.Rand { return rand.New(rand.NewPCG(l.Seed, uint64(n))) }

// askers is how many operations ask for the same thing where a thing is made or used up once.
const askers = 4

// asked is the thing that operation n is about, and as which of its askers it comes. The askers of a
// thing are as many operations apart as there are keys: with one key they come at once.
func (l Load) asked(n int) (thing, asker int) {
	round := l.Keys * askers
	return n/round*l.Keys + n%l.Keys, n % round / l.Keys
}

// things is how many things are asked for.
func (l Load) things() int {
	round := l.Keys * askers
	return l.Ops/round*l.Keys + min(l.Ops%round, l.Keys)
}

// series is a table series(n) of the numbers from 0 to size-1, to be followed by an INSERT from it.
func series(size int) string {
	return fmt.Sprintf("WITH RECURSIVE series(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM series WHERE n < %d) ", size-1)
}
