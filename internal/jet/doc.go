// Package jet is the plumbing between Giro and NATS JetStream, the same for the
// orchestrator, the participants and the client. It knows streams and messages and
// nothing of sagas.
//
//   - [Publisher] publishes without waiting and reports every message's outcome once.
//   - [Reader] keeps reading one stream, whatever happens to the connection, the
//     consumer, the stream or the broker's whole store.
//   - [EnsureStream] makes a stream be as its owner wants it.
//   - [Options] is how every connection of Giro is made.
//
// # Epochs and incarnations
//
// The broker only carries: its store may be lost and begin again at sequence 1. So a
// sequence alone names nothing. An incarnation is one life of a stream, told by the time
// it was created; a durable consumer carries it in its name, so that an acknowledgement
// of an earlier life can never consume a message of a later one. An epoch is one
// subscription of one [Reader]: it ends with the connection, the consumer or the stream,
// and what was delivered in it can no longer be acknowledged afterwards. What was not
// acknowledged comes again in the next epoch, oldest first.
package jet
