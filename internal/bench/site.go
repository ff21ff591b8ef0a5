package bench

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/girohq/giro/client"
	"github.com/girohq/giro/embedded"
	"github.com/girohq/giro/internal/cluster"
	"github.com/girohq/giro/internal/drive"
	"github.com/girohq/giro/internal/jet"
	"github.com/girohq/giro/internal/wire"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// site is a world that runs.
type site struct {
	*gauges
	client *client.Client
	node   *embedded.Node
}

// on builds the world of a bench, calls use when it is ready, and takes it down again.
func (cfg Config) on(ctx context.Context, use func(context.Context, *site) error) (err error) {
	definitions, err := cfg.definitions()
	if err != nil {
		return err
	}
	node := embedded.Config{Data: cfg.Data, Prefix: cfg.Prefix, Definitions: definitions, Log: cfg.Log, Dial: cfg.Dial, Replicas: cfg.Replicas}
	if cfg.Program == "" {
		node.Banks = cfg.branches()
	}
	url, reached := "", false
	switch {
	case cfg.Broker == Cluster:
		servers, failed := cluster.Start(ctx, cluster.Config{Dir: filepath.Join(cfg.Data, "servers"), Servers: clusterSize, Sync: true})
		if failed != nil {
			return fmt.Errorf("bench: %w", failed)
		}
		defer servers.Close()
		url, node.Replicas = servers.URL(), clusterSize
		node.Dial = func(name string) (*nats.Conn, error) { return nats.Connect(url, jet.Options(name, false, cfg.Log)...) }
	case cfg.Broker == Elsewhere:
		defer func() {
			if reached {
				err = errors.Join(err, cfg.deleteStreams(context.WithoutCancel(ctx)))
			}
		}()
	case cfg.Program != "":
		node.Listen = "127.0.0.1:0"
	}
	return drive.On(ctx, node, func(ctx context.Context, c *client.Client, node *embedded.Node) error {
		reached = true
		if cfg.Broker == Inside {
			url = node.URL()
		}
		return cfg.with(ctx, c, node, url, use)
	})
}

// clusterSize is how many servers a cluster has, and how many of them keep each message.
const clusterSize = 3

// with adds what is beside the node.
func (cfg Config) with(ctx context.Context, c *client.Client, node *embedded.Node, url string, use func(context.Context, *site) error) (err error) {
	banks, err := cfg.startBanks(ctx, c, url)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, banks.close()) }()
	g, err := openGauges(cfg, node, banks)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, g.close()) }()
	return use(ctx, &site{gauges: g, client: c, node: node})
}

// deleteStreams leaves a broker elsewhere as it was.
func (cfg Config) deleteStreams(ctx context.Context) error {
	names, err := wire.New(cfg.Prefix)
	if err != nil {
		return err
	}
	conn, err := cfg.Dial("giro bench")
	if err != nil {
		return err
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range []string{names.Starts(), names.Commands(), names.Replies(), names.Events(), names.Dead()} {
		if err := js.DeleteStream(ctx, name); err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
			errs = append(errs, fmt.Errorf("bench: delete stream %s: %w", name, err))
		}
	}
	return errors.Join(errs...)
}
