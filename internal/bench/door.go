package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/girohq/giro/client"
	"github.com/girohq/giro/embedded"
	"github.com/girohq/giro/internal/drive"
)

// Door is a way to start a saga.
type Door string

// The doors.
const (
	NATS    Door = "nats"    // a request: [client.Client.Start]
	HTTP    Door = "http"    // a request to the gateway, on a loopback address
	Publish Door = "publish" // a message: [client.Client.Publish]
	Outbox  Door = "outbox"  // a row in a transaction of the caller's database: [client.StartTx]
)

// Doors are all there are.
var Doors = []Door{NATS, HTTP, Publish, Outbox}

// kept says what is on a disk before the caller goes on.
var kept = map[Door]string{
	NATS:    "the saga, in the orchestrator's SQLite (synchronous=FULL)",
	HTTP:    "the saga, in the orchestrator's SQLite (synchronous=FULL)",
	Publish: "the start, in NATS (sync_interval=always)",
	Outbox:  "the start with the caller's row, in the caller's SQLite (synchronous=FULL)",
}

// Durability is what of a start is on a disk before the caller goes on.
func (d Door) Durability() string { return kept[d] }

// Check refuses what is no door.
func (d Door) Check() error {
	if slices.Contains(Doors, d) {
		return nil
	}
	names := make([]string, len(Doors))
	for i, known := range Doors {
		names[i] = string(known)
	}
	return fmt.Errorf("there is no door %q: %s", d, strings.Join(names, ", "))
}

// entrance is an open door: it starts sagas, and counts the commits that its callers make.
type entrance interface {
	drive.Starter
	commits() int64
	close() error
}

// enter opens a door to a node.
func (cfg Config) enter(ctx context.Context, d Door, c *client.Client, node *embedded.Node) (entrance, error) {
	switch d {
	case NATS:
		return request{c}, nil
	case HTTP:
		return openGateway(ctx, node, cfg.Log)
	case Publish:
		return openPublish(c, node, cfg.Prefix)
	case Outbox:
		return openOutbox(ctx, cfg, c, node)
	}
	return nil, errors.Join(errors.New("bench"), d.Check())
}

// request is door 2 as it is.
type request struct{ *client.Client }

func (request) commits() int64 { return 0 }
func (request) close() error   { return nil }
