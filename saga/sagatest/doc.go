// Package sagatest simulates whole runs of sagas: many sagas, the orchestrator, its participants,
// the broker between them and the clients in front, in one goroutine, on a virtual clock, from
// one seed. What decides is the real thing: [saga.Transition] moves every saga and [saga.Arrive]
// answers every command. Everything around them is simulated and made to fail.
//
//	client --start, cancel--> orchestrator --command--> broker --> participant
//	                             ^    |                               |  inbox row and effect,
//	                             |    store: sagas and outbox         |  one transaction
//	                             +------------- broker <----reply-----+
//
// Every process can be killed at each edge of a commit (before it, after it, after the
// publishing) and paused. The broker loses, repeats, delays and reorders messages, forgets what it
// has de-duplicated, goes down, loses its tail or its whole store, or comes back as an old copy.
// Participants refuse, ask for a retry and have wrong clocks. Clients repeat starts, start
// the same id with another input, cancel and set deadlines. Operators retry suspended sagas.
//
// Beside the sagas of a bank there are those of [Anything]: definitions drawn by chance, graphs of steps
// of all kinds and forms, with sagas that run sagas. What one saga tells another is done in the same
// transaction, first in, first out, until nothing is left. People say the signals that are waited
// for, early, late and twice, and operators skip, resolve, abandon and pause.
//
// While it runs, and at its end, the run is audited from the databases alone (the invariants I1
// to I7 and the order of undos, see [Invariant]). At the end every command that was ever published is delivered once
// more: nothing may come of it.
//
// The same [Config] gives the same run: [Report.Hash] is a hash of everything that happened.
// To see that the audit can find a bug, a [Bug] plants one: never in the code under test, always
// in what surrounds it.
package sagatest
