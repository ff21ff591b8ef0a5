// Package pgserver starts a private Postgres from the machine's own binaries, for tests and for the race
// laboratory. It listens on no port, and never outlives the process that started it.
package pgserver
