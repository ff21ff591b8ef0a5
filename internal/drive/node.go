package drive

import (
	"context"
	"errors"

	"github.com/girohq/giro/client"
	"github.com/girohq/giro/embedded"
)

// On brings a node up, calls use with a client of it when it is ready, and takes it down again.
// The context of use also ends when the node fails. When ctx ends the node goes on until use has
// returned, so that sagas under way can end.
func On(ctx context.Context, cfg embedded.Config, use func(context.Context, *client.Client, *embedded.Node) error) error {
	node, err := embedded.New(ctx, cfg)
	if err != nil {
		return err
	}
	conn, err := node.Connect("giro driver")
	if err != nil {
		return errors.Join(err, node.Close())
	}
	defer conn.Close()
	c, err := client.New(conn, client.WithPrefix(cfg.Prefix))
	if err != nil {
		return errors.Join(err, node.Close())
	}
	using, failed := context.WithCancelCause(ctx)
	defer failed(nil)
	up, down := context.WithCancel(context.WithoutCancel(ctx))
	defer down()
	ended := make(chan error, 1)
	go func() {
		err := node.Run(up)
		failed(err)
		ended <- err
	}()
	if err = node.Ready(using); err == nil {
		err = use(using, c, node)
	}
	conn.Close() // before the broker goes, or it would report that
	down()
	if broken := <-ended; broken != nil {
		return broken // what use says follows from it
	}
	return err
}
