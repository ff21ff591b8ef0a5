// Package pgtest gives tests a Postgres: the one that GIRO_POSTGRES names, a DSN, or a private one that
// is started from the machine's binaries, with fsync on as in production. Where there is neither, a test
// says that it was not run.
package pgtest
