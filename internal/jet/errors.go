package jet

import "errors"

// The outcomes of a publish other than success. After each of them but ErrNoStream and
// ErrFull the broker may or may not have stored the message: publish it again with the
// same message id.
var (
	// ErrDisconnected: the connection broke before the broker answered.
	ErrDisconnected = errors.New("disconnected before the broker answered: outcome unknown")
	// ErrAckTimeout: the broker did not answer in time.
	ErrAckTimeout = errors.New("no answer from the broker in time: outcome unknown")
	// ErrBadAck: the broker's answer cannot be understood.
	ErrBadAck = errors.New("the broker's answer is not an acknowledgement: outcome unknown")
	// ErrNoStream: no stream takes this subject at the moment. Nothing was stored.
	ErrNoStream = errors.New("no stream takes this subject")
	// ErrFull: too many messages wait for the broker's answer. Nothing was sent; try later.
	ErrFull = errors.New("too many messages wait for the broker's answer")
)

var (
	// ErrClosed: the connection was closed by its owner; nothing more can come.
	ErrClosed = errors.New("the connection is closed")
	// ErrNotReady: the reader has no subscription at the moment; ask again later.
	ErrNotReady = errors.New("the reader is not subscribed")
	// ErrStreamDrift: a stream differs from what its owner wants in a way that the server
	// refuses to change. A person must decide: keep its settings, or delete the stream.
	ErrStreamDrift = errors.New("the server refuses to change the stream")
)
