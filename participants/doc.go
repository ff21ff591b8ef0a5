// Package participants is the kit for a participant: a service whose steps sagas use. It is the
// participant's half of the protocol in docs/protocol.md; a handler says only what the step does.
//
// # Overview
//
// A participant reads its commands in stream order, applies a batch of them in one transaction
// of its own database, commits, publishes the replies, and acknowledges each command when its
// reply is stored:
//
//	read -> { barrier row, handler, ... } -> commit -> publish replies -> ack commands
//
// No reply before the commit: it would tell of what a crash can still take away. No ack before
// the reply's own ack: the command is what makes the reply come again. Nothing waits for the
// broker: while the answers of one batch are on their way the next one runs.
//
// # The barrier
//
// Each step run has one row, and each command of it meets the row in the transaction of the
// effect. [saga.Arrive] is the table that decides: run the handler, run the undo, or give the
// recorded answer again. So a duplicate has the answer of its original, an undo that overtakes
// its command fences it, and an inquiry turns "nobody knows" into "it never will".
//
// # Handlers
//
// [Handle], [HandleUndo] and [HandleConfirm] register typed functions. A handler gets the shared [Tx] and its
// effect must be in it and nowhere else; it must be quick and must not call other systems. It
// returns a result, [Reject] for a refusal that is final, [Retry] for a failure that passes.
//
// # Window and failures
//
//	crash before the commit           nothing stands; the command comes again
//	crash after the commit            the command comes again and gets the recorded answer
//	broker away or full at the reply  the command is not acked: it comes again in 10 s, or at once after a reconnect
//	broker's store lost               the orchestrator sends again; the rows answer
//	handler panics or fails           its writes are undone, the answer is retry, nothing is recorded
//	handler loses the transaction     the batch is rolled back, each command runs again alone
//	a message that is no command      goes to the dead letters, then is acked; the others go on
//	I/O error at a commit             Run returns: the process must end and start again
package participants
