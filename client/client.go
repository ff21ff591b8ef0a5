package client

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/girohq/giro/internal/wire"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// maxWaiting bounds the requests of one client that wait for their answers; more callers queue.
const maxWaiting = 8192

// Client talks to the orchestrator that listens under its prefix. It may be used by any number
// of goroutines at once, which share one connection and one inbox.
type Client struct {
	conn  *nats.Conn
	js    jetstream.JetStream
	names wire.Names
	inbox string        // what the subjects of all answers begin with
	slots chan struct{} // one for each request that waits
}

// Option changes a [Client].
type Option func(*options)

type options struct {
	prefix string
}

// WithPrefix uses another subject prefix than "saga".
func WithPrefix(prefix string) Option { return func(o *options) { o.prefix = prefix } }

// New makes a client of a connection, which the caller keeps and closes. It should reconnect for
// ever and buffer nothing while the broker is away: what is repeated anyway must not be sent twice.
func New(conn *nats.Conn, opts ...Option) (*Client, error) {
	if conn == nil {
		return nil, errors.New("client: a connection is required")
	}
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	names, err := wire.New(o.prefix)
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	js, err := jetstream.New(conn)
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	inbox := conn.NewInbox()
	return &Client{
		conn: conn, js: js, names: names, slots: make(chan struct{}, maxWaiting),
		inbox: inbox[:strings.LastIndexByte(inbox, '.')+1],
	}, nil
}

// slot waits until one more request may wait for its answer.
func (c *Client) slot(ctx context.Context) error {
	select {
	case c.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (c *Client) free() { <-c.slots }
