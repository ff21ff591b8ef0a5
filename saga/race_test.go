//go:build race

package saga

const raceEnabled = true // the race detector is some ten times slower: fewer seeds
