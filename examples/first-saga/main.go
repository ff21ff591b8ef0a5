// Command first-saga is a participant: a shop that reserves what it sells. docs/first-saga.md tells
// its story.
package main

import (
	"cmp"
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"os"
	"os/signal"

	"github.com/girohq/giro/participants"
	"github.com/nats-io/nats.go"
)

//go:embed 0001_stock.sql
var tables embed.FS

type order struct {
	Item     string `json:"item"`
	Quantity int    `json:"quantity"`
}

type reserved struct {
	Left int `json:"left"`
}

// reserve takes pieces out of the stock, or refuses: then nothing of it stands.
func reserve(ctx context.Context, tx participants.Tx, o order) (reserved, error) {
	var r reserved
	err := tx.GetContext(ctx, &r.Left, `UPDATE stock SET pieces = pieces - ?1 WHERE item = ?2 AND pieces >= ?1 RETURNING pieces`, o.Quantity, o.Item)
	if errors.Is(err, sql.ErrNoRows) {
		return r, participants.Reject("sold_out", "there are not %d of %s left", o.Quantity, o.Item)
	}
	return r, err
}

// release puts them back. It is called only if reserve has succeeded here, and at most once.
func release(ctx context.Context, tx participants.Tx, o order, _ reserved) (struct{}, error) {
	_, err := tx.ExecContext(ctx, `UPDATE stock SET pieces = pieces + ? WHERE item = ?`, o.Quantity, o.Item)
	return struct{}{}, err
}

func run(ctx context.Context) error {
	conn, err := nats.Connect(cmp.Or(os.Getenv("NATS_URL"), nats.DefaultURL), nats.MaxReconnects(-1))
	if err != nil {
		return err
	}
	defer conn.Close()
	db, err := participants.Open(ctx, "shop.db", tables)
	if err != nil {
		return err
	}
	shop, err := participants.New(participants.Config{Name: "shop", DB: db, Conn: conn})
	if err != nil {
		return errors.Join(err, db.Close())
	}
	participants.Handle(shop, "reserve", reserve)
	participants.HandleUndo(shop, "release", release)
	fmt.Println("the shop is open")
	return errors.Join(shop.Run(ctx), db.Close())
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "shop:", err)
		os.Exit(1)
	}
}
