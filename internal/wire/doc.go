// Package wire holds the names on the wire: streams, subjects and headers, and how a command
// and a reply are written as a NATS message. Orchestrator, participants and clients share it,
// so that each name stands once. docs/protocol.md is the same for people.
package wire
