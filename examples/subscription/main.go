// Command subscription is who takes part in a renewal: the subscriptions, and the wallets, which say
// whether there is money.
package main

import (
	"context"
	"database/sql"
	"embed"
	"errors"

	"github.com/girohq/giro/examples/internal/stage"
	"github.com/girohq/giro/participants"
)

//go:embed subscriptions wallets
var tables embed.FS

var everybody = []stage.Participant{
	{Name: "subscriptions", Tables: tables, Folder: "subscriptions", Register: subscribes},
	{Name: "wallets", Tables: tables, Folder: "wallets", Register: charges},
}

func main() { stage.Main(everybody...) }

func subscribes(p *participants.Participant) {
	participants.Handle(p, "bill", bill)
	participants.HandleUndo(p, "lapse", lapse)
	participants.Handle(p, "renew", renew)
}

func charges(p *participants.Participant) {
	participants.Handle(p, "charge", charge)
	participants.Handle(p, "collect", collect)
	participants.HandleUndo(p, "refund", refund)
}

type subscriber struct {
	Customer string `json:"customer"`
}

type billed struct {
	Month int64 `json:"month"`
}

// bill refuses while another month is in arrears: there is one renewal at a time.
func bill(ctx context.Context, tx participants.Tx, s subscriber) (b billed, err error) {
	err = tx.GetContext(ctx, &b.Month, `UPDATE subscriptions SET arrears = paid + 1
		WHERE customer = ? AND arrears IS NULL AND NOT lapsed RETURNING arrears`, s.Customer)
	if errors.Is(err, sql.ErrNoRows) {
		err = participants.Reject("not_due", "%s has nothing to renew", s.Customer)
	}
	return b, err
}

func lapse(ctx context.Context, tx participants.Tx, s subscriber, _ billed) (struct{}, error) {
	_, err := tx.ExecContext(ctx, `UPDATE subscriptions SET arrears = NULL, lapsed = 1 WHERE customer = ?`, s.Customer)
	return struct{}{}, err
}

type renewal struct {
	Customer string `json:"customer"`
	Month    int64  `json:"month"`
}

func renew(ctx context.Context, tx participants.Tx, r renewal) (struct{}, error) {
	_, err := tx.ExecContext(ctx, `UPDATE subscriptions SET paid = ?, arrears = NULL WHERE customer = ?`, r.Month, r.Customer)
	return struct{}{}, err
}

type due struct {
	Customer string `json:"customer"`
	Cents    int64  `json:"cents"`
}

type charged struct {
	Paid bool `json:"paid"`
}

// charge answers whether it was paid: not to have the money yet is no reason to turn back.
func charge(ctx context.Context, tx participants.Tx, d due) (charged, error) {
	result, err := tx.ExecContext(ctx, `UPDATE wallets SET cents = cents - ?1 WHERE customer = ?2 AND cents >= ?1`, d.Cents, d.Customer)
	if err != nil {
		return charged{}, err
	}
	n, err := result.RowsAffected()
	return charged{n > 0}, err
}

// collect is the last charge: it refuses.
func collect(ctx context.Context, tx participants.Tx, d due) (charged, error) {
	c, err := charge(ctx, tx, d)
	if err == nil && !c.Paid {
		err = participants.Reject("declined", "the wallet of %s does not have %d", d.Customer, d.Cents)
	}
	return c, err
}

func refund(ctx context.Context, tx participants.Tx, d due, c charged) (struct{}, error) {
	if !c.Paid {
		return struct{}{}, nil
	}
	_, err := tx.ExecContext(ctx, `UPDATE wallets SET cents = cents + ? WHERE customer = ?`, d.Cents, d.Customer)
	return struct{}{}, err
}
