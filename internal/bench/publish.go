package bench

import (
	"context"
	"errors"

	"github.com/girohq/giro/client"
	"github.com/girohq/giro/embedded"
	"github.com/girohq/giro/saga"
)

// publish is door 1.
type publish struct {
	*ends
	client *client.Client
}

func openPublish(c *client.Client, node *embedded.Node, prefix string) (publish, error) {
	e, err := listen(c, node, prefix)
	return publish{e, c}, err
}

// Start implements [drive.Starter].
func (p publish) Start(ctx context.Context, sagaType, id string, input any, _ ...client.StartOption) (saga.Document, error) {
	return p.after(ctx, id, func() error {
		_, err := p.client.Publish(ctx, sagaType, id, input)
		return err
	})
}

func (publish) commits() int64 { return 0 }

func asProblem(err error) (*client.Problem, bool) {
	var problem *client.Problem
	return problem, errors.As(err, &problem)
}
