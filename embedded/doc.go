// Package embedded runs the parts of Giro inside one process. It starts them, watches
// them and stops them, and contains no business rule.
//
// [NATS] is the broker: a nats-server that syncs every write that is not marked as
// repeatable, listens on no port unless told to, and is watched by a canary, a write each
// second. A nats-server whose disk was full stays mute even when there is space again, so
// after three misses it is restarted in place. Connections made with [NATS.Connect]
// survive that.
package embedded
