// Package batch runs a file of transfers: the engine behind `giro run`.
//
// [Read] checks the files completely, before anything is started or written. [Batch.Run] looks
// what the data directory knows of the transfers already, brings up everything inside this process
// (no port), starts what has not ended yet, waits for it, takes everything down and audits it.
//
// It keeps no progress of its own: a transfer's id is its saga's, and starting it again is
// harmless. So an interrupted run, or a killed one, goes on when the same command is given again.
package batch
