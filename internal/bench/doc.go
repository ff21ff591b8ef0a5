// Package bench measures how many transfers a second Giro carries on this machine, and what one
// costs.
//
// A node with two banks of 10,000 accounts runs in this process. Transfers between random accounts are
// started through one of the four doors, and waited for. One in a hundred is refused: half of these at the
// debit, half at the credit, where it must be undone. Nothing is switched off: every commit is synced, and
// the audit judges the result.
//
// Latency is that of a whole transfer as its caller sees it, to the answer or the event that says that it
// has ended. In a closed loop a number of clients each start the next when the last has ended; in an open
// loop transfers arrive by the clock, and latency counts from when each should have begun, so that a stall
// is felt by all that it would have kept waiting, and not only by those it caught.
package bench
