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
	return While(ctx, node, func(ctx context.Context) error {
		defer conn.Close() // before the broker goes, or it would report that
		return use(ctx, c, node)
	})
}

// Runner is something that runs until its context ends, and is ready after a while.
type Runner interface {
	Run(ctx context.Context) error
	Ready(ctx context.Context) error
}

// While runs r, calls use when it is ready, and ends it when use has returned, also when ctx ends before. The context of
// use ends with ctx, and when r fails.
func While(ctx context.Context, r Runner, use func(context.Context) error) error {
	using, failed := context.WithCancelCause(ctx)
	defer failed(nil)
	up, down := context.WithCancel(context.WithoutCancel(ctx))
	defer down()
	ended := make(chan error, 1)
	go func() {
		err := r.Run(up)
		failed(err)
		ended <- err
	}()
	err := r.Ready(using)
	if err == nil {
		err = use(using)
	}
	down()
	if broken := <-ended; broken != nil {
		return broken // what use says follows from it
	}
	return err
}
