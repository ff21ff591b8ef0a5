// Package histories holds what many clients were told at the same time against what one client after the
// other could have been told: linearizability, checked by porcupine after Wing and Gong (JPDC 17, 1993) with
// Lowe's partitions. Its tests are all there is.
//
// Clients with connections of their own start, read and cancel the same few sagas and read the accounts they
// move money between, while the node is stopped, its broker's store deleted, and both come back. Then, by
// partition:
//
//   - each id is one saga: one input wins, every start is told of it or of a conflict, a saga that is there
//     stays there, its states follow each other as the machine says, and an end is final; what a cancel
//     has turned back does not complete;
//   - each account is a register that transfers move: a read is a sum of whole transfers, in an order that
//     agrees with what clients knew, and never below zero. A transfer that was undone may show in between,
//     taken and given back;
//   - the bank check of Jepsen, with money in flight: while all of this goes on, the databases are audited
//     again and again, the orchestrator's first. Balances and what sagas under way have taken add up to what
//     the accounts were opened with, in each of these snapshots.
//
// Not promised, and not checked: that reads of two accounts are of one moment. Sagas are not isolated.
package histories
