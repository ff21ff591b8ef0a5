// Command order is everybody who takes part in an order: the customers' files, the warehouse, the
// carrier and the payments.
package main

import (
	"context"
	"database/sql"
	"embed"
	"errors"

	"github.com/girohq/giro/examples/internal/stage"
	"github.com/girohq/giro/participants"
)

//go:embed customers warehouse carrier payments
var tables embed.FS

var everybody = []stage.Participant{
	{Name: "customers", Tables: tables, Folder: "customers", Register: func(p *participants.Participant) { participants.Handle(p, "check", check) }},
	{Name: "warehouse", Tables: tables, Folder: "warehouse", Register: func(p *participants.Participant) {
		participants.Handle(p, "reserve", reserve)
		participants.HandleUndo(p, "release", release)
	}},
	{Name: "carrier", Tables: tables, Folder: "carrier", Register: func(p *participants.Participant) {
		participants.Handle(p, "schedule", schedule)
		participants.HandleUndo(p, "withdraw", withdraw)
	}},
	{Name: "payments", Tables: tables, Folder: "payments", Register: func(p *participants.Participant) { participants.Handle(p, "charge", charge) }},
}

func main() { stage.Main(everybody...) }

type nothing struct{}

type bill struct {
	Customer string `json:"customer"`
	Cents    int64  `json:"cents"`
}

type credit struct {
	Grade string `json:"grade"`
}

func check(ctx context.Context, tx participants.Tx, b bill) (c credit, err error) {
	err = tx.GetContext(ctx, &c.Grade, `SELECT grade FROM customers WHERE customer = ? AND max_cents >= ?`, b.Customer, b.Cents)
	if errors.Is(err, sql.ErrNoRows) {
		err = participants.Reject("no_credit", "customer %s has no credit of %d", b.Customer, b.Cents)
	}
	return c, err
}

type line struct {
	SKU      string `json:"sku"`
	Quantity int64  `json:"quantity"`
}

func reserve(ctx context.Context, tx participants.Tx, l line) (nothing, error) {
	left := 0
	err := tx.GetContext(ctx, &left, `UPDATE stock SET pieces = pieces - ?1 WHERE sku = ?2 AND pieces >= ?1 RETURNING pieces`, l.Quantity, l.SKU)
	if errors.Is(err, sql.ErrNoRows) {
		err = participants.Reject("sold_out", "there are not %d of %s left", l.Quantity, l.SKU)
	}
	return nothing{}, err
}

func release(ctx context.Context, tx participants.Tx, l line, _ nothing) (nothing, error) {
	_, err := tx.ExecContext(ctx, `UPDATE stock SET pieces = pieces + ? WHERE sku = ?`, l.Quantity, l.SKU)
	return nothing{}, err
}

type delivery struct {
	Address string `json:"address"`
}

type parcel struct {
	Parcel int64 `json:"parcel"`
}

func schedule(ctx context.Context, tx participants.Tx, d delivery) (p parcel, err error) {
	err = tx.GetContext(ctx, &p.Parcel, `INSERT INTO parcels (address) VALUES (?) RETURNING parcel`, d.Address)
	return p, err
}

func withdraw(ctx context.Context, tx participants.Tx, _ delivery, p parcel) (nothing, error) {
	_, err := tx.ExecContext(ctx, `UPDATE parcels SET withdrawn = 1 WHERE parcel = ?`, p.Parcel)
	return nothing{}, err
}

func charge(ctx context.Context, tx participants.Tx, b bill) (nothing, error) {
	left := 0
	err := tx.GetContext(ctx, &left, `UPDATE cards SET cents = cents - ?1 WHERE customer = ?2 AND cents >= ?1 RETURNING cents`, b.Cents, b.Customer)
	if errors.Is(err, sql.ErrNoRows) {
		err = participants.Reject("declined", "the card of %s does not have %d", b.Customer, b.Cents)
	}
	return nothing{}, err
}
