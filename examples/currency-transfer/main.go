// Command currency-transfer is the exchange. It quotes, and converts at the rate of that moment; what
// it gave then is what it takes back, whatever was quoted and whatever the rate is by then.
package main

import (
	"context"
	"database/sql"
	"embed"
	"errors"

	"github.com/girohq/giro/examples/internal/stage"
	"github.com/girohq/giro/participants"
)

//go:embed 0001_exchange.sql
var tables embed.FS

var exchange = stage.Participant{Name: "exchange", Tables: tables, Register: func(p *participants.Participant) {
	participants.Handle(p, "publish", publish)
	participants.Handle(p, "quote", quote)
	participants.Handle(p, "convert", convert)
	participants.HandleUndo(p, "unwind", unwind)
}}

func main() { stage.Main(exchange) }

type nothing struct{}

type rate struct {
	Sell       string `json:"sell"`
	Buy        string `json:"buy"`
	Millionths int64  `json:"millionths"`
}

func publish(ctx context.Context, tx participants.Tx, r rate) (nothing, error) {
	_, err := tx.ExecContext(ctx, `INSERT INTO rates (sell, buy, millionths) VALUES (?, ?, ?)
		ON CONFLICT DO UPDATE SET millionths = excluded.millionths`, r.Sell, r.Buy, r.Millionths)
	return nothing{}, err
}

type order struct {
	Sell    string `json:"sell"`
	Buy     string `json:"buy"`
	Cents   int64  `json:"cents"`
	AtLeast int64  `json:"at_least"`
}

type offer struct {
	Cents   int64 `json:"cents"`
	AtLeast int64 `json:"at_least"` // the customer bears one percent of what the market does meanwhile
}

func quote(ctx context.Context, tx participants.Tx, o order) (offer, error) {
	cents, err := o.price(ctx, tx)
	return offer{Cents: cents, AtLeast: cents - cents/100}, err
}

// price is what the order is worth now.
func (o order) price(ctx context.Context, tx participants.Tx) (cents int64, err error) {
	err = tx.GetContext(ctx, &cents, `SELECT ? * millionths / 1000000 FROM rates WHERE sell = ? AND buy = ?`, o.Cents, o.Sell, o.Buy)
	if errors.Is(err, sql.ErrNoRows) {
		err = participants.Reject("no_rate", "%s is not exchanged for %s", o.Sell, o.Buy)
	}
	return cents, err
}

type converted struct {
	Cents int64 `json:"cents"`
}

func convert(ctx context.Context, tx participants.Tx, o order) (converted, error) {
	cents, err := o.price(ctx, tx)
	if err != nil {
		return converted{}, err
	}
	if cents < o.AtLeast {
		return converted{}, participants.Reject("rate_moved", "it is %d now, less than %d", cents, o.AtLeast)
	}
	return converted{Cents: cents}, o.move(ctx, tx, o.Cents, -cents)
}

func unwind(ctx context.Context, tx participants.Tx, o order, c converted) (nothing, error) {
	return nothing{}, o.move(ctx, tx, -o.Cents, c.Cents)
}

func (o order) move(ctx context.Context, tx participants.Tx, sold, bought int64) error {
	_, err := tx.ExecContext(ctx, `UPDATE positions SET cents = cents + CASE currency WHEN ? THEN ? ELSE ? END WHERE currency IN (?, ?)`,
		o.Sell, sold, bought, o.Sell, o.Buy)
	return err
}
