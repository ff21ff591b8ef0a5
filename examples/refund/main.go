// Command refund is everybody who takes part in a refund: the claims department, the department of
// returns and the cashier.
package main

import (
	"context"
	"database/sql"
	"embed"
	"errors"

	"github.com/girohq/giro/examples/internal/stage"
	"github.com/girohq/giro/participants"
)

//go:embed claims returns cashier
var tables embed.FS

var everybody = []stage.Participant{
	{Name: "claims", Tables: tables, Folder: "claims", Register: func(p *participants.Participant) {
		participants.Handle(p, "assess", assess)
		participants.Handle(p, "settle", settle)
	}},
	{Name: "returns", Tables: tables, Folder: "returns", Register: func(p *participants.Participant) {
		participants.Handle(p, "take_in", takeIn)
		participants.HandleUndo(p, "send_back", sendBack)
	}},
	{Name: "cashier", Tables: tables, Folder: "cashier", Register: func(p *participants.Participant) {
		participants.Handle(p, "issue", issue)
		participants.HandleUndo(p, "void", void)
		participants.Handle(p, "pay_back", payBack)
	}},
}

func main() { stage.Main(everybody...) }

type nothing struct{}

type claim struct {
	Purchase string `json:"purchase"`
	Cents    int64  `json:"cents"`
}

type assessment struct {
	Large bool `json:"large"`
}

func assess(ctx context.Context, tx participants.Tx, c claim) (a assessment, err error) {
	err = tx.GetContext(ctx, &a.Large, `SELECT ?2 > 10000 FROM purchases WHERE purchase = ?1 AND cents >= ?2`, c.Purchase, c.Cents)
	if errors.Is(err, sql.ErrNoRows) {
		err = participants.Reject("not_covered", "%s was not paid with %d", c.Purchase, c.Cents)
	}
	return a, err
}

type letter struct {
	Purchase   string `json:"purchase"`
	Voucher    string `json:"voucher"`
	ApprovedBy string `json:"approved_by"`
}

func settle(ctx context.Context, tx participants.Tx, l letter) (nothing, error) {
	_, err := tx.ExecContext(ctx, `INSERT INTO letters VALUES (?, ?, ?)`, l.Purchase, l.Voucher, l.ApprovedBy)
	return nothing{}, err
}

type parcel struct {
	Goods string `json:"goods"`
}

type shelved struct {
	Place int64 `json:"place"`
}

func takeIn(ctx context.Context, tx participants.Tx, p parcel) (s shelved, err error) {
	err = tx.GetContext(ctx, &s.Place, `INSERT INTO shelf (goods) VALUES (?) RETURNING place`, p.Goods)
	return s, err
}

func sendBack(ctx context.Context, tx participants.Tx, _ parcel, s shelved) (nothing, error) {
	_, err := tx.ExecContext(ctx, `DELETE FROM shelf WHERE place = ?`, s.Place)
	return nothing{}, err
}

type voucher struct {
	Code string `json:"code"`
}

func issue(ctx context.Context, tx participants.Tx, c claim) (voucher, error) {
	v := voucher{Code: "V-" + participants.CommandFrom(ctx).SagaID}
	_, err := tx.ExecContext(ctx, `INSERT INTO vouchers (code, cents) VALUES (?, ?)`, v.Code, c.Cents)
	return v, err
}

func void(ctx context.Context, tx participants.Tx, _ claim, v voucher) (nothing, error) {
	_, err := tx.ExecContext(ctx, `UPDATE vouchers SET void = 1 WHERE code = ?`, v.Code)
	return nothing{}, err
}

func payBack(ctx context.Context, tx participants.Tx, c claim) (nothing, error) {
	left := 0
	err := tx.GetContext(ctx, &left, `UPDATE cards SET cents = cents - ?1 WHERE purchase = ?2 AND cents >= ?1 RETURNING cents`, c.Cents, c.Purchase)
	if errors.Is(err, sql.ErrNoRows) {
		err = participants.Reject("card_expired", "nothing can be paid back to the card of %s", c.Purchase)
	}
	return nothing{}, err
}
