// Command loan is who takes part in lending money, beside the bank: the bureau, which only knows, and
// the lender, who sets the money aside while somebody decides.
package main

import (
	"context"
	"database/sql"
	"embed"
	"errors"

	"github.com/girohq/giro/examples/internal/stage"
	"github.com/girohq/giro/participants"
)

//go:embed bureau lender
var tables embed.FS

var everybody = []stage.Participant{
	{Name: "bureau", Tables: tables, Folder: "bureau", Register: func(p *participants.Participant) { participants.Handle(p, "score", score) }},
	{Name: "lender", Tables: tables, Folder: "lender", Register: lends},
}

func main() { stage.Main(everybody...) }

func lends(p *participants.Participant) {
	participants.Handle(p, "open", openLoan)
	participants.HandleUndo(p, "void", void)
	participants.Handle(p, "activate", activate)
}

type person struct {
	Customer string `json:"customer"`
}

type scored struct {
	Points int `json:"points"`
}

func score(ctx context.Context, tx participants.Tx, p person) (s scored, err error) {
	err = tx.GetContext(ctx, &s.Points, `SELECT points FROM scores WHERE customer = ?`, p.Customer)
	if errors.Is(err, sql.ErrNoRows) {
		err = participants.Reject("unknown_customer", "nobody knows %s", p.Customer)
	}
	return s, err
}

type wanted struct {
	Customer string `json:"customer"`
	Cents    int64  `json:"cents"`
}

type loan struct {
	Number int64 `json:"number"`
}

func openLoan(ctx context.Context, tx participants.Tx, w wanted) (l loan, err error) {
	left := 0
	err = tx.GetContext(ctx, &left, `UPDATE fund SET cents = cents - ?1 WHERE cents >= ?1 RETURNING cents`, w.Cents)
	if errors.Is(err, sql.ErrNoRows) {
		return l, participants.Reject("fund_empty", "%d cannot be lent", w.Cents)
	}
	if err != nil {
		return l, err
	}
	return l, tx.GetContext(ctx, &l.Number, `INSERT INTO loans (customer, cents, state) VALUES (?, ?, 'open') RETURNING number`, w.Customer, w.Cents)
}

// void is told the number that openLoan gave.
func void(ctx context.Context, tx participants.Tx, w wanted, l loan) (struct{}, error) {
	_, err := tx.ExecContext(ctx, `UPDATE loans SET state = 'void' WHERE number = ?`, l.Number)
	if err != nil {
		return struct{}{}, err
	}
	_, err = tx.ExecContext(ctx, `UPDATE fund SET cents = cents + ?`, w.Cents)
	return struct{}{}, err
}

type approved struct {
	Loan int64  `json:"loan"`
	By   string `json:"by"`
}

func activate(ctx context.Context, tx participants.Tx, a approved) (struct{}, error) {
	_, err := tx.ExecContext(ctx, `UPDATE loans SET state = 'active', approved = ? WHERE number = ?`, a.By, a.Loan)
	return struct{}{}, err
}
