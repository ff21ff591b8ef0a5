package jet

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// parseAck tells what the broker answered to a publish: nil when the message is stored.
func parseAck(m *nats.Msg) error {
	if len(m.Data) == 0 && m.Header.Get("Status") == "503" {
		return ErrNoStream
	}
	if plainAck(m.Data) {
		return nil
	}
	var a struct {
		Error  *jetstream.APIError `json:"error"`
		Stream string              `json:"stream"`
	}
	if err := json.Unmarshal(m.Data, &a); err != nil {
		return fmt.Errorf("%w: %q", ErrBadAck, m.Data)
	}
	if a.Error != nil {
		return a.Error
	}
	if a.Stream == "" {
		return fmt.Errorf("%w: %q", ErrBadAck, m.Data)
	}
	return nil
}

// plainAck recognises the usual acknowledgement without the cost of decoding it. Whatever
// looks different is decoded.
func plainAck(data []byte) bool {
	return bytes.HasPrefix(data, []byte(`{"stream":"`)) && data[len(data)-1] == '}' &&
		!bytes.Contains(data, []byte("error"))
}

// publishError tells why a message could not be handed to the connection. It may have
// been sent in part, so the outcome is unknown even then.
func publishError(subject string, err error) error {
	switch {
	case errors.Is(err, nats.ErrReconnectBufExceeded): // how nats.go says that it is reconnecting
		return ErrDisconnected
	case errors.Is(err, nats.ErrConnectionClosed):
		return ErrClosed
	}
	return fmt.Errorf("publish to %s: %w", subject, err)
}
