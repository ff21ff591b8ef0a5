package generated

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/girohq/giro/orchestrator"
	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/participants"
	"github.com/girohq/giro/participants/ledger"
)

// The banks of the transfers, each with [Accounts] accounts: "0", "1", ... in EUR.
const (
	Home     = "HOME" // pays
	Away     = "AWAY" // is paid
	Accounts = 1000
)

// Transfers writes what n transfers leave behind in the databases under dir, which must not be there yet: of
// every hundred one was refused at the debit and one at the credit, and the last ones are under way.
func Transfers(ctx context.Context, dir string, n, underWay int) error {
	sagas, err := outbox.Open(ctx, outbox.Config{Path: filepath.Join(dir, "orchestrator.db"), Migrations: orchestrator.Migrations(), Shrinks: true})
	if err != nil {
		return err
	}
	store := sagas.StoreID()
	if err := fill(ctx, sagas, n, store, underWay, writeSagas, writeHistory, writeMark, writeCommands); err != nil {
		return err
	}
	for bank, statements := range map[string][]string{
		Home: {writeAccounts, writeDebitRows, writeDebits, writeBalances},
		Away: {writeAccounts, writeCreditRows, writeCredits, writeBalances},
	} {
		db, err := participants.Open(ctx, filepath.Join(dir, ledger.FileName(bank)), ledger.Migrations())
		if err != nil {
			return err
		}
		if err := fill(ctx, db, n, store, underWay, statements...); err != nil {
			return err
		}
	}
	return nil
}

// fill runs statements on a database and closes it. ?1 is the number of transfers, ?2 the store's id, ?3 how many
// are under way.
func fill(ctx context.Context, db *outbox.DB, n int, store string, underWay int, statements ...string) error {
	err := db.Write(ctx, func(tx outbox.Tx) error {
		for _, s := range statements {
			if _, err := tx.ExecContext(ctx, s, n, store, underWay); err != nil {
				return fmt.Errorf("generate %d transfers: %w", n, err)
			}
		}
		return nil
	})
	return errors.Join(err, db.Close())
}
