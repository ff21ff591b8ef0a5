// Command account-closing is the bank HOUSE, where accounts are closed. For the transfers of others it
// is a bank like all: its debit and refund are what the built-in transfer asks for.
package main

import (
	"context"
	"database/sql"
	"embed"
	"errors"

	"github.com/girohq/giro/examples/internal/stage"
	"github.com/girohq/giro/participants"
)

//go:embed *.sql
var tables embed.FS

var house = stage.Participant{Name: "HOUSE", Tables: tables, Register: func(p *participants.Participant) {
	keepsAccounts(p)
	participants.Handle(p, "debit", debit)
}}

func main() { stage.Main(house) }

func keepsAccounts(p *participants.Participant) {
	participants.Handle(p, "freeze", freeze)
	participants.HandleUndo(p, "thaw", thaw)
	participants.Handle(p, "close", closeAccount)
	participants.HandleUndo(p, "refund", refund)
}

type order struct {
	Account string `json:"account"`
	Amount  int64  `json:"amount"`
}

type frozen struct {
	Balance  int64  `json:"balance"`
	Currency string `json:"currency"`
}

func freeze(ctx context.Context, tx participants.Tx, o order) (frozen, error) {
	f := frozen{Currency: "EUR"}
	err := tx.GetContext(ctx, &f.Balance, `UPDATE accounts SET state = 'frozen' WHERE account = ? AND state = 'open' RETURNING balance`, o.Account)
	if errors.Is(err, sql.ErrNoRows) {
		err = participants.Reject("not_open", "there is no open account %s", o.Account)
	}
	return f, err
}

func thaw(ctx context.Context, tx participants.Tx, o order, _ frozen) (struct{}, error) {
	_, err := tx.ExecContext(ctx, `UPDATE accounts SET state = 'open' WHERE account = ?`, o.Account)
	return struct{}{}, err
}

func closeAccount(ctx context.Context, tx participants.Tx, o order) (struct{}, error) {
	_, err := tx.ExecContext(ctx, `UPDATE accounts SET state = 'closed' WHERE account = ?`, o.Account)
	return struct{}{}, err
}

func debit(ctx context.Context, tx participants.Tx, o order) (struct{}, error) {
	left := 0
	err := tx.GetContext(ctx, &left, `UPDATE accounts SET balance = balance - ?1
		WHERE account = ?2 AND (state = 'open' AND balance >= ?1 OR state = 'frozen' AND balance = ?1) RETURNING balance`, o.Amount, o.Account)
	if errors.Is(err, sql.ErrNoRows) {
		err = participants.Reject("insufficient_funds", "account %s cannot pay %d", o.Account, o.Amount)
	}
	return struct{}{}, err
}

func refund(ctx context.Context, tx participants.Tx, o order, _ struct{}) (struct{}, error) {
	_, err := tx.ExecContext(ctx, `UPDATE accounts SET balance = balance + ? WHERE account = ?`, o.Amount, o.Account)
	return struct{}{}, err
}
