// Command payroll is the wages office: it writes a slip for each payee, and pays all slips of a payroll
// when the last one is written.
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

var office = stage.Participant{Name: "wages", Tables: tables, Register: register}

func main() { stage.Main(office) }

func register(p *participants.Participant) {
	participants.Handle(p, "write", write)
	participants.HandleUndo(p, "strike", strike)
	participants.Handle(p, "release", release)
}

type wage struct {
	Payee string `json:"payee"`
	Cents int64  `json:"cents"`
}

type written struct {
	Slip int64 `json:"slip"`
}

func write(ctx context.Context, tx participants.Tx, w wage) (slip written, err error) {
	err = tx.GetContext(ctx, &slip.Slip, `INSERT INTO slips (payroll, payee, cents)
		SELECT ?, payee, ? FROM payees WHERE payee = ? AND NOT gone RETURNING slip`, participants.CommandFrom(ctx).SagaID, w.Cents, w.Payee)
	if errors.Is(err, sql.ErrNoRows) {
		err = participants.Reject("no_such_payee", "%s is not paid here", w.Payee)
	}
	return slip, err
}

// strike takes back a slip that was not paid: the saga has not come to its release.
func strike(ctx context.Context, tx participants.Tx, _ wage, slip written) (struct{}, error) {
	_, err := tx.ExecContext(ctx, `DELETE FROM slips WHERE slip = ?`, slip.Slip)
	return struct{}{}, err
}

type released struct {
	Slips int64 `json:"slips"`
}

// release lets all payees spend at once what their slips say.
func release(ctx context.Context, tx participants.Tx, _ struct{}) (r released, err error) {
	payroll := participants.CommandFrom(ctx).SagaID
	_, err = tx.ExecContext(ctx, `UPDATE payees SET cents = payees.cents + sums.cents
		FROM (SELECT payee, sum(cents) AS cents FROM slips WHERE payroll = ? GROUP BY payee) AS sums WHERE payees.payee = sums.payee`, payroll)
	if err != nil {
		return r, err
	}
	result, err := tx.ExecContext(ctx, `UPDATE slips SET paid = 1 WHERE payroll = ?`, payroll)
	if err != nil {
		return r, err
	}
	r.Slips, err = result.RowsAffected()
	return r, err
}
