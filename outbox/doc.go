// Package outbox is the durable half of Giro: one SQLite file, one loop that commits in groups,
// and a relay that publishes what was committed. It knows messages, not sagas.
//
// # Overview
//
// A component receives something, changes its state, and must tell others. The change and the
// message about it are written in one transaction, so neither exists without the other. After
// the commit the relay publishes the message, and again, until the owner deletes the row because
// the business reply arrived. The broker's ack is not the end of a row: a broker may lose what
// it acknowledged.
//
//	Submit --> [ Begin, Apply, Apply, ... COMMIT ] --> Committed --> Relay --> broker
//	             one transaction, one fsync                ^            |
//	                                                       |            v
//	             Put / Delete of outbox rows               +-- Expired (silence)
//
// # States of a row
//
//	waiting   not before its time, or for its share of the re-send rate
//	sending   handed to the publisher, the broker has not answered
//	acked     the broker stored it; the attempt's timeout runs from here
//	expired   the timeout passed in silence and the owner was told; it decides what comes next
//	parked    a group it belongs to is held; it is sent when the group is lifted
//
// A row leaves every state at once when it is deleted, or replaced by its next attempt. What
// the relay remembers is only the schedule. The table holds the truth, and every re-send reads
// its message from there.
//
// # Window
//
// Between the commit and the broker's ack a message is in the table only: a crash there sends
// it again under a new message id, which the receiver's inbox must make harmless. Between the
// broker's ack and the business reply it is in both. At no instant is it only in the broker.
//
// # Message ids
//
// The id of a send is "key/attempt.boot.n". Boot counts how often the database was opened, n the
// deliberate sends of this process. A publish the broker did not acknowledge is repeated with the
// same id, so the broker may drop the copy. A deliberate re-send, after a restart or to a new
// incarnation of the broker's store, has a new id, so the broker never drops it.
//
// # Failures
//
//	an Apply fails or panics     the batch is rolled back, every item runs again alone
//	a statement ends the         the same, on a new connection; statements after the loss are
//	transaction under a handler  refused, so none commits by itself
//	disk full at commit          known not committed: the items run alone, what fails is Failed
//	other I/O error at commit    outcome unknown: Run returns [ErrUnusable], the process must end
//	a crash at any point         what was acknowledged is in the file; the relay sends every
//	                             row of the table again
//	a second process             refused at [Open] by a file lock, naming the first one's pid
//	broker away                  unacknowledged sends back off from 1 s to 60 s, each row alone
//	broker's store lost          [Relay.Reset]: every row is due at once, at a bounded rate
//
// # Durability
//
// The file is in WAL mode with synchronous=FULL, read back at every open: the driver's own
// default can lose commits. The log is kept and overwritten, never truncated, because an fsync
// of a file that does not grow is about twice as fast.
package outbox
