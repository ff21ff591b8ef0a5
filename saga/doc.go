// Package saga holds the meaning of a saga, and nothing that carries it: no I/O, no clock, no
// chance, no logging. Two pure functions decide everything.
//
//	orchestrator                                              participant
//
//	(definition, instance, event)                             (row, command)
//	             |                                                  |
//	        Transition  --- commands --->  network  ------------> Arrive
//	             |                        loses, repeats,           |
//	(instance, effects)  <-- replies ---  delays, reorders  <--  (row, verdict)
//	             |                                                  |
//	one transaction with the outbox            one transaction with the effect
//
// [Transition] moves a saga by one event and says what to send; its behaviour is in transition.go,
// from top to bottom. [Arrive] is the barrier that every command of a step meets at its
// participant; its table is in barrier.go.
//
// # Words
//
// A word has one meaning, here and everywhere in Giro.
//
//   - saga: a business transaction of several steps, which ends with all its effects or with none
//   - definition: what a saga of one type and version does ([Definition]); it never changes
//   - instance: one saga as it stands ([Instance]), pinned to its definition
//   - step: one action of a participant. A compensatable step can be undone. The pivot is the point
//     of no return: it decides. A retriable step comes after the pivot and is repeated until it
//     succeeds. A read has no effect
//   - step run: one run of a step, "debit"; "debit~1" is the fresh run that a person asked for, and
//     "tickets.0" the run for the first item of a list
//   - settled: a step that has succeeded or was skipped, so that what comes after it may begin
//   - hold: a step in two halves, "<id>.try", which can be cancelled, and "<id>.confirm"
//   - signal: something that a saga is told from outside, by name, for a step that awaits it
//   - child, parent: a saga that a step of another one runs, and that other one. A child stands when
//     its steps are done and its parent may still undo it
//   - wish: what an operator decides about a step (skip, resolve, abandon), applied when it is fenced
//   - participant: who does the steps and keeps their effects, for example a bank
//   - command, reply: what is asked of a participant ([Command]) and what it says to that ([Reply])
//   - direction: a command does a step (forward), undoes it (backward), asks what became of it
//     (inquire), or says that a person undoes it by hand (close)
//   - operation: a step run in one direction. It is sent in attempts until it is answered
//   - outcome: succeeded, rejected (refused for good), retry (try again later), fenced (it never ran
//     and never will), conflict (it contradicts what is recorded)
//   - unknown: a step whose attempts ended without an outcome that settles it. It may have run, or
//     may run yet. A compensatable step is then undone as if it had run; a pivot is inquired
//   - compensation: undoing what stands, each step when all that came after it is undone
//   - fence: a row that keeps a forward from running when it arrives after its undo or inquiry
//   - barrier: where all directions of a step run meet: one row, written with the effect
//   - inbox, outbox: a participant's barrier rows with their replies; the orchestrator's commands
//     that are not answered yet. Both are in the transaction of the state they belong to
//   - relay: who sends the outbox until its rows are released
//   - suspended: the saga needs a person, or a late reply
//   - deadline: after it a saga turns back, unless its pivot has been sent. An attempt has a timeout
//   - dead letter: a message that nobody could handle, kept with the reason
//
// # What keeps the promise
//
// Only rejected and fenced prove that no effect stands or ever will. Silence proves nothing, nor does
// any number of retries: what is not proven is undone or asked about, and the barrier makes both
// safe. That is why a message may be lost, repeated, delayed or overtaken, and a process killed
// at any point, and the saga still ends with all its effects or with none.
//
// Three tests hold it: TestModel enumerates small definitions over such a network completely,
// TestTransitions prints every cell of the state machine, and package sagatest simulates whole
// runs with everything failing that can.
package saga
