//go:build race

package sagatest

const raceEnabled = true // the race detector is some ten times slower: fewer seeds
