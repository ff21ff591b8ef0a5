// Package postgres is the durable half of Giro on Postgres: what package outbox is on SQLite, for
// participants whose data is there. It serves the same [outbox.Loop] and [outbox.Relay].
//
// # Overview
//
// A [DB] owns one schema. Several connections write at once, each one transaction at a time; a few
// more only read. Every transaction begins with its own row of the table writers:
//
//	BEGIN; UPDATE writers SET number = nextval('commits') WHERE writer = w AND boot = b RETURNING number
//	... what the caller does ...
//	COMMIT
//
// That one statement, in the round trip of BEGIN, is three things:
//
//   - The fence. An owner that lost its connection may still be alive beside its successor. The
//     successor has put its own boot into each row, having waited for what was open; the old one finds
//     no row of its boot and must end.
//   - The answer to a commit whose answer was lost. The row is locked while the server is still at it,
//     and holds the number afterwards if and only if it was committed. pg_xact_status cannot say so: after
//     a crash Postgres may give the id of a transaction that left no trace to another one.
//   - The commit number of the protocol. It comes from a sequence, so writers do not wait for one another.
//
// # What others post
//
// Rows of the outbox are the owner's, whose relay hears of each commit and reads the table at a start. A
// program that shares the schema and does not own it puts a message in a transaction of its own connection
// with [Post]. Such rows have no place in the owner's order; [DB.Feed] polls for them by that, with SKIP
// LOCKED, and gives them one. It never asks for what came after the last one it saw: numbers are
// given before commits, and who commits late would be passed over.
//
// # Conflicts
//
// A serialization failure, a deadlock and a lock that is not to be had in 5 s end the transaction,
// whatever the handler makes of the error. [DB.Write] rolls back and runs it again, up to six times with
// growing, spread pauses, and counts: see [DB.Conflicts].
//
// # Failures
//
//	no server, user, permission    refused at [Open] with a reason in one line: [ErrUnreachable] and others
//	a second process               refused at [Open], naming the first one's host and pid
//	the owner's connection lost    the lock is taken again; where another process has it, every
//	                               later use is [outbox.ErrUnusable]
//	a connection lost in a         nothing of the transaction stands; it runs again on another one
//	transaction
//	a connection lost in COMMIT    the writer's row tells, as soon as the server is back; if it is not in
//	                               two minutes: [outbox.ErrUnusable]
//	no server                      [outbox.ErrNotBegun] after five seconds
//	a statement fails              Postgres takes no other until the savepoint ends; ignoring its error
//	                               does not help
//
// # Durability
//
// synchronous_commit, fsync and full_page_writes must be on, and are read back on each connection that
// writes.
package postgres
