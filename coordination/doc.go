// Package coordination is for what must not be a saga: locks, leaders, counters and limits shared by
// processes, on JetStream.
//
//   - [Locks] are locks with an expiry and a fencing token. [Guard] lets the resource look at the token.
//   - [Election] lets one of many processes lead, for a term.
//   - [Counters] are added to by the server. [Limit] allows a quantity in a window of time.
//
// # A lock is advice
//
// No lock that expires excludes anybody. Its holder may be stopped (by its garbage collector, its
// hypervisor, a debugger, a slow disk) between looking at the lock and writing; the lock expires,
// another takes it and writes; the first wakes and writes too, and its context can tell it only
// afterwards. Taken alone, a lock of this package saves work that would be done twice. It does not
// keep data right.
//
// What keeps data right is the resource. Every holder gets a token greater than all before; the
// resource remembers the greatest it has seen and refuses less, in the transaction that writes. That is
// [Guard], for a resource in SQLite or Postgres. It closes the door behind a holder when the next one
// has written, not when the lock expires: a late write that comes before the next holder's first is
// accepted, and is then simply earlier. A next holder that must decide on what it reads calls Guard
// before it reads. A resource that cannot look at a token (a printer, somebody else's API) is not
// protected by a lock, by this one or any other: make the call idempotent, or make it a saga.
//
// Where one row is all that is protected you need no lock: a guarded update (UPDATE ... WHERE balance
// >= ?) is shorter, faster, and right.
//
// # Tokens
//
// A token's number is the bucket's base and the sequence of the record in its stream, so it grows over
// releases, expiries, restarts and changes of leader. The base is the microseconds since 1970 when the
// bucket was made, by the clock of whoever made it: tokens grow also over the loss of the whole store. It
// stands in the subjects ($KV.<bucket>.<base>.<lock>, to the base of 36), so that what is meant for a
// bucket that is gone reaches no other, and nobody gets a token of two bases. Not survived are:
//
//   - A store restored from an old copy, or cut by a power failure (the server syncs every two minutes
//     unless it runs with sync_interval: always). Numbers may come again. Guard refuses them:
//     lower ones, and the same number of another holder. So nothing wrong is written, but nobody can
//     write until the numbers have caught up. Delete the bucket, then they have. A bucket whose server
//     confirms records and does not find them again, after damage to its files, is deleted by the locks.
//   - A bucket made anew on a machine whose clock is behind by more than the bucket's age, as above. Repair
//     the clock and delete the bucket.
//   - A bucket made by hand, of the subject $KV.<bucket>.>: its base is 0, and its tokens start at 1. (So
//     it is in buckets of Giro before they had bases, whose first sequence is the microseconds. They are
//     used until they are lost.) A process of such an older Giro takes the base out of a bucket that has
//     one: end all of them before a new bucket is made.
//
// # Clocks
//
// Expiry is the server's: a TTL on the record, counted from when the stream's leader stored it, in
// whole seconds, looked at every quarter of a second or so. The holder's clock decides only when the
// holder itself stops believing: nine tenths of a TTL after it sent the last renewal that was answered.
// A holder's wrong clock therefore makes it stop too early or too late, and never frees the lock for
// others sooner. Go's monotonic clock does not jump when the wall clock is set, but on Linux it stands
// still while the machine is suspended. If the server's own clock jumps ahead, or leadership moves to a
// server whose clock is ahead, locks expire early, all of them. Guard does not look at clocks.
//
// # What is lost with what
//
// One server: locks survive its restart, and nothing can be acquired or renewed meanwhile; who cannot
// renew for nine tenths of its TTL is told that the lock is lost. Three servers (Replicas: 3): the loss
// of one costs an election, a second or so; choose TTLs well above that. Without a majority nobody
// acquires. A partitioned server's leader cannot store anything, so two holders by the bucket never
// exist; two that believe it for a while always may.
//
// Waiters are not queued, there is no fairness and no shared (reading) mode. A hundred that wait for one
// lock look at it four times a second each.
//
// # Counters and limits
//
// A counter is a message with the header Nats-Incr; the server adds and answers the sum
// (server 2.12 and later; there is no fallback for older ones). A lost answer is asked for again under
// the same message id, which the server remembers for two minutes. Counters live in the broker's store
// and are as durable as that. A [Limit] never allows more than its maximum and may at the edge refuse too
// much. Its windows are fixed: around the edge of two windows twice the maximum may pass in a short
// time. The window is told by the time the caller passes: callers whose clocks differ use different
// windows near the edge. A limit on money that must be exact is a row in the ledger's transaction.
//
// # Where this comes from
//
// Fencing tokens, and the holder that is paused: Martin Kleppmann, "How to do distributed locking" (2016),
// and "Designing Data-Intensive Applications", chapter 8. The same idea earlier, as sequencers that are
// handed to the servers that are written to: Mike Burrows, "The Chubby lock service for loosely-coupled
// distributed systems" (OSDI 2006), section 2.4. Leases, and why the holder must count from before and the
// grantor from after: Gray and Cheriton, "Leases" (SOSP 1989). Terms: Ongaro and Ousterhout, "In search of
// an understandable consensus algorithm" (2014).
package coordination
