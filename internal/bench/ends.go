package bench

import (
	"context"
	"time"

	"sync"

	"github.com/girohq/giro/client"
	"github.com/girohq/giro/embedded"
	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/saga"
	"github.com/nats-io/nats.go"
)

// ends tells callers that do not wait in the door when their sagas have ended. It hears of it by the
// events of all sagas, on one subscription; an event is a hint, so now and then it asks.
type ends struct {
	client *client.Client
	conn   *nats.Conn
	names  wire.Names

	mu      sync.Mutex
	waiting map[string]chan saga.State
}

// ask is how long no event is waited for before the saga is asked for.
const ask = 5 * time.Second

func listen(c *client.Client, node *embedded.Node, prefix string) (*ends, error) {
	names, err := wire.New(prefix)
	if err != nil {
		return nil, err
	}
	conn, err := node.Connect("giro bench")
	if err != nil {
		return nil, err
	}
	e := &ends{client: c, conn: conn, names: names, waiting: make(map[string]chan saga.State)}
	sub, err := conn.Subscribe(names.EventFilter("*", "*"), e.heard)
	if err == nil {
		err = sub.SetPendingLimits(-1, -1)
	}
	if err == nil {
		err = conn.Flush() // from here every event is heard
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return e, nil
}

func (e *ends) heard(m *nats.Msg) {
	_, id, event, ok := e.names.ParseEvent(m.Subject)
	state := saga.State(event)
	if !ok || !state.Terminal() && state != saga.Suspended {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if end, waited := e.waiting[id]; waited {
		select {
		case end <- state:
		default: // said before
		}
	}
}

// after starts a saga and waits for its end. Its document says only how it ended, or where it stands.
func (e *ends) after(ctx context.Context, id string, start func() error) (saga.Document, error) {
	end := make(chan saga.State, 1)
	e.mu.Lock()
	e.waiting[id] = end
	e.mu.Unlock()
	defer func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.waiting, id)
	}()
	if err := start(); err != nil {
		return saga.Document{}, err
	}
	patience := time.NewTimer(ask)
	defer patience.Stop()
	select {
	case state := <-end:
		return saga.Document{ID: id, State: state}, nil
	case <-patience.C:
		return e.look(ctx, id)
	case <-ctx.Done():
		return saga.Document{}, context.Cause(ctx)
	}
}

// look asks for a saga. One that is not accepted yet is no error.
func (e *ends) look(ctx context.Context, id string) (saga.Document, error) {
	doc, err := e.client.Get(ctx, id)
	if problem, ok := asProblem(err); ok && problem.Code == client.CodeNotFound {
		return saga.Document{ID: id}, nil
	}
	return doc, err
}

func (e *ends) close() error {
	e.conn.Close()
	return nil
}
