// Package stage is what the examples share, so that each of them is only its definition and its
// participants.
//
// [Main] runs an example's participants against a broker, for who tries it by hand. The rest is for
// the examples' tests:
//
//   - [New] brings up everything in this process: broker, orchestrator, banks and participants, each
//     with its database in a directory of the test. Time is virtual: [Stage.Jump] lets days pass.
//     [Stage.Halt], [Stage.Wipe] and [Stage.Restart] are the faults.
//   - [Alone] is one participant without a broker: its handlers, one command at a time.
//   - [Parse] and [Refuses] read a definition, and say what may not be made of it.
package stage
