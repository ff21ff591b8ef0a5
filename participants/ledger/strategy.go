package ledger

import (
	"fmt"
	"slices"
	"strings"
)

// Strategy is how a bank keeps two sagas that change one account at the same time from harming each
// other. All of them give the same results; docs/ledger.md compares them.
type Strategy string

const (
	// Atomic changes an account by one relative update whose WHERE is the guard. The default.
	Atomic Strategy = "atomic"
	// Optimistic reads, computes, and writes only if the account is still what was read; else it
	// begins again, a bounded number of times.
	Optimistic Strategy = "optimistic"
	// Pessimistic locks the row, then reads, computes and writes: SELECT ... FOR UPDATE in Postgres.
	// In SQLite the lock is the transaction's, which must be immediate, as every batch is.
	Pessimistic Strategy = "pessimistic"
	// Ordered reads, computes and writes, and is right only because all commands of an account go
	// through one writer, one after the other. Nothing in the statements guards it.
	Ordered Strategy = "ordered"
	// Locked does the same under a distributed lock, whose fencing token is checked in the
	// transaction: see package coordination.
	Locked Strategy = "locked"
	// Unprotected is for the laboratory only: it reads, computes and writes, and nothing keeps others
	// away. It loses updates, as it is meant to. No command line takes it, and no bank opens with it
	// unless [Config.Laboratory] says so.
	Unprotected Strategy = "none"
)

// Strategies are those that a bank can be given.
func Strategies() []Strategy { return []Strategy{Atomic, Optimistic, Pessimistic, Ordered, Locked} }

// ParseStrategy takes the name of a strategy that protects; empty is the default.
func ParseStrategy(name string) (Strategy, error) {
	s := Strategy(name)
	switch {
	case s == "":
		return Atomic, nil
	case slices.Contains(Strategies(), s):
		return s, nil
	}
	var names []string
	for _, known := range Strategies() {
		names = append(names, string(known))
	}
	return "", fmt.Errorf("%w %q: one of %s", ErrStrategy, name, strings.Join(names, ", "))
}
