// Package races names every race that Giro prevents and counts how often it did.
//
// A component owns a [Counts], or is given one in its Config, and adds to it where it refuses,
// repeats or waits. Adding is one atomic operation, so it may stand on the hot path. Nothing here
// knows who reads the counters: they are shown by `giro races`, scraped as giro_races_total, and
// compared with the databases by tests.
package races
