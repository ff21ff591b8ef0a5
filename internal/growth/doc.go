// Package growth measures what a store that has grown costs: transfers above a million that have ended, and a
// restart under a hundred thousand that have not. It holds tests only, which judge what happened and print the
// figures; `make growth` runs them at full size, and docs/performance.md has what they said.
package growth
