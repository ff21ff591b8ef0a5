package stage

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/participants"
	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"
)

// Participant is one participant of an example.
type Participant struct {
	Name   string   // no other example has it, so that all can be tried on one broker
	Tables embed.FS // its migrations, in the folder below
	Folder string   // empty: the root
	// Register registers the handlers.
	Register func(p *participants.Participant)
}

func (p Participant) open(ctx context.Context, dir string) (*outbox.DB, error) {
	tables := fs.FS(p.Tables)
	if p.Folder != "" {
		sub, err := fs.Sub(p.Tables, p.Folder)
		if err != nil {
			return nil, err
		}
		tables = sub
	}
	return participants.Open(ctx, filepath.Join(dir, p.Name+".db"), tables)
}

// build makes the participant of an open database. Without a connection it cannot run, and without
// a clock it has the system's.
func (p Participant) build(db *outbox.DB, conn *nats.Conn, now func() time.Time, log zerolog.Logger) (*participants.Participant, error) {
	built, err := participants.New(participants.Config{Name: p.Name, DB: db, Conn: conn, Now: now, Log: log})
	if err != nil {
		return nil, err
	}
	p.Register(built)
	return built, nil
}

// Main runs the participants against the broker at NATS_URL, by default the one of giro dev, until
// it is interrupted. Their databases are beside those of giro dev, in a folder named as the program.
func Main(all ...Participant) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := serve(ctx, all); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(ctx context.Context, all []Participant) error {
	url := os.Getenv("NATS_URL")
	if url == "" {
		url = nats.DefaultURL
	}
	dir := filepath.Join("giro-data", filepath.Base(os.Args[0]))
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	conn, err := nats.Connect(url, nats.MaxReconnects(-1))
	if err != nil {
		return fmt.Errorf("%s: %w (is giro dev running?)", url, err)
	}
	defer conn.Close()
	parts, ctx := errgroup.WithContext(ctx)
	for _, p := range all {
		parts.Go(func() error { return p.serve(ctx, conn, dir) })
	}
	return parts.Wait()
}

func (p Participant) serve(ctx context.Context, conn *nats.Conn, dir string) error {
	db, err := p.open(ctx, dir)
	if err != nil {
		return err
	}
	log := zerolog.New(zerolog.NewConsoleWriter()).Level(zerolog.WarnLevel)
	built, err := p.build(db, conn, nil, log)
	if err != nil {
		return errors.Join(err, db.Close())
	}
	fmt.Println(p.Name, "is there")
	return errors.Join(built.Run(ctx), db.Close())
}
