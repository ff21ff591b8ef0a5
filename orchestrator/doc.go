// Package orchestrator drives sagas: it carries messages to [saga.Transition] and writes down
// what it says.
//
// # The loop
//
// Starts, replies, timeouts and operators' wishes all become work for one group commit loop:
//
//	receive a batch -> one transaction {load, Transition, save, outbox} -> commit
//	    -> publish commands -> ack replies -> answer callers, publish events
//
// The order is the guarantee. Nothing is sent before it is committed, because a crash in between
// could contradict it; nothing is acknowledged before it is committed, because the broker would
// forget it. Whatever is lost after the commit is made again from the database: commands from
// the outbox, which keeps each until its business reply; events from the history; answers from
// the saga itself when the caller repeats the start.
//
// # What the broker may do
//
// Lose, repeat, delay and reorder messages, or lose its whole store. Streams that are gone are
// made again (streams.go), every unanswered command is then sent again, paced, and participants
// answer repeats from their inbox. Starts are not acknowledged at all: they are read from the
// first message after each reconnect, and the stream is trimmed only behind what was committed.
// So are the replies, and the commands behind what was answered or sent once more (trimmer.go).
//
// # Time
//
// An attempt's timeout starts when the broker has the command, and fires only after everything
// that could have answered it was read (gate.go): a paused process, a backlog or a broker that is
// away do not spend attempts.
//
// # What is kept
//
// Everything, or with Config.Keep only what nobody can do without: the archiver leaves one small row of a saga that
// ended long since, by which its id is known for ever (archive.go).
package orchestrator
