package jet

import (
	"errors"
	"time"

	"github.com/nats-io/nats.go"
)

// Msg is one message of a stream as a [Reader] delivers it.
type Msg struct {
	Subject string
	Header  nats.Header
	Data    []byte
	Seq     uint64    // in the stream; names nothing beyond the epoch's incarnation
	Time    time.Time // when the stream stored it
	Epoch   uint64    // the subscription that delivered it
	// Redelivered says that the consumer has delivered it before.
	Redelivered bool

	reader *Reader
	reply  string // where the acknowledgement goes; empty when the consumer takes none
}

var ackBody = []byte("+ACK")

// Ack tells the broker that the message is worked off, after whatever it caused was
// committed; with AckAll that all messages before it are as well. It does not wait for
// the broker, and the broker may forget it: the message may come again. It does nothing
// when the message's epoch is over.
func (m Msg) Ack() error {
	if m.reply == "" || !m.reader.live(m.Epoch) {
		return nil
	}
	err := m.reader.cfg.Conn.Publish(m.reply, ackBody)
	if errors.Is(err, nats.ErrReconnectBufExceeded) {
		return nil // disconnected: the epoch is over, the reader just has not noticed yet
	}
	return err
}
