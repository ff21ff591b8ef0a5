// Package outboxtest is what an outbox.Database promises, as tests: package outbox runs them on SQLite,
// package outbox/postgres on Postgres. What only one of them has is tested beside it.
package outboxtest
