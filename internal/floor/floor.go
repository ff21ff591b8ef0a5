package floor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/girohq/giro/client"
	"github.com/girohq/giro/embedded"
	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/orchestrator"
	"github.com/girohq/giro/saga"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"
)

// Floor is the whole of it in this process. Make it with [Open], and [Floor.Run] it.
type Floor struct {
	broker *embedded.NATS
	conns  []*nats.Conn
	caller *nats.Conn
	keeper *keeper
	tills  []*till
	batch  atomic.Int64 // items of a commit
}

// bankNames are the two banks.
var bankNames = [...]string{"B1", "B2"}

// request is where transfers are asked for.
const request = "floor.start"

// Config says where, and with how many accounts, named 0, 1 and so on at each bank.
type Config struct {
	Dir      string
	Accounts int
	Log      zerolog.Logger
}

// Open opens the databases and the broker, makes the streams and opens the accounts.
func Open(ctx context.Context, cfg Config) (*Floor, error) {
	f := &Floor{}
	if err := f.open(ctx, cfg); err != nil {
		return nil, errors.Join(err, f.close())
	}
	return f, nil
}

func (f *Floor) open(ctx context.Context, cfg Config) (err error) {
	names, err := wire.New("floor")
	if err != nil {
		return err
	}
	f.broker, err = embedded.StartNATS(embedded.NATSConfig{Dir: filepath.Join(cfg.Dir, "nats"), Canary: names.Canary(), CanarySubject: names.CanarySubject(), Log: cfg.Log})
	if err != nil {
		return err
	}
	if f.caller, err = f.connect("caller"); err != nil {
		return err
	}
	if err := makeStreams(ctx, f.caller, names); err != nil {
		return err
	}
	conn, err := f.connect("orchestrator")
	if err != nil {
		return err
	}
	if f.keeper, err = openKeeper(ctx, cfg, conn, names, &f.batch); err != nil {
		return err
	}
	for _, bank := range bankNames {
		if conn, err = f.connect(bank); err != nil {
			return err
		}
		t, err := openTill(ctx, cfg, bank, conn, names, &f.batch)
		if err != nil {
			return err
		}
		f.tills = append(f.tills, t)
	}
	return nil
}

func (f *Floor) connect(name string) (*nats.Conn, error) {
	conn, err := f.broker.Connect("floor " + name)
	if err == nil {
		f.conns = append(f.conns, conn)
	}
	return conn, err
}

// makeStreams makes those that transfers need, as the product makes them; the server bounds what they keep, by size.
func makeStreams(ctx context.Context, conn *nats.Conn, names wire.Names) error {
	js, err := jetstream.New(conn)
	if err != nil {
		return err
	}
	for name, subject := range map[string]string{names.Commands(): names.Prefix() + ".command.>", names.Replies(): names.ReplyFilter(), names.Events(): names.Prefix() + ".event.>"} {
		_, err := js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{Name: name, Subjects: []string{subject}, MaxBytes: orchestrator.DefaultEventBytes, MaxAge: 24 * time.Hour,
			AllowDirect: true, Duplicates: 2 * time.Second, PersistMode: jetstream.AsyncPersistMode})
		if err != nil {
			return fmt.Errorf("stream %s: %w", name, err)
		}
	}
	return nil
}

// Run works until the context ends, then closes everything.
func (f *Floor) Run(ctx context.Context) error {
	parts, ctx := errgroup.WithContext(ctx)
	parts.Go(func() error { return f.keeper.run(ctx) })
	for _, t := range f.tills {
		parts.Go(func() error { return t.run(ctx) })
	}
	err := parts.Wait()
	return errors.Join(err, f.close())
}

func (f *Floor) close() error {
	for _, conn := range f.conns {
		conn.Close()
	}
	var errs []error
	for _, t := range f.tills {
		errs = append(errs, t.db.Close())
	}
	if f.keeper != nil {
		errs = append(errs, f.keeper.db.Close())
	}
	if f.broker != nil {
		f.broker.Shutdown()
	}
	return errors.Join(errs...)
}

// Ready waits until everything is read.
func (f *Floor) Ready(ctx context.Context) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !f.ready() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

func (f *Floor) ready() bool {
	all := f.keeper.replies.Ready()
	for _, t := range f.tills {
		all = all && t.commands.Ready()
	}
	return all
}

// Expect says how many clients there will be. So many items of one in eight of them are committed together, and a lone
// client waits for nobody.
func (f *Floor) Expect(clients int) { f.batch.Store(int64(clients / 8)) }

// Commits is how many transactions were committed.
func (f *Floor) Commits() int64 {
	sum := f.keeper.db.Commits()
	for _, t := range f.tills {
		sum += t.db.Commits()
	}
	return sum
}

// Start does one transfer and answers when it has ended; it implements the starter of package drive. The input is that
// of the built-in transfer. One that cannot be made is never answered.
func (f *Floor) Start(ctx context.Context, sagaType, id string, input any, _ ...client.StartOption) (saga.Document, error) {
	body, err := json.Marshal(input)
	if err != nil {
		return saga.Document{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	answer, err := f.caller.RequestMsgWithContext(ctx, &nats.Msg{Subject: request, Header: nats.Header{wire.HeaderID: {id}, wire.HeaderType: {sagaType}}, Data: body})
	if err != nil {
		return saga.Document{}, fmt.Errorf("floor: transfer %s: %w", id, err)
	}
	var doc saga.Document
	err = json.Unmarshal(answer.Data, &doc)
	return doc, err
}

// patience bounds the wait for one transfer.
const patience = time.Minute

// filler is as many bytes as the product writes there.
func filler(n int) string { return strings.Repeat("x", n) }
