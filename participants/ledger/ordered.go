package ledger

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/girohq/giro/participants"
	"github.com/girohq/giro/saga"
)

// lane is what a bank with several writers spreads its commands by if their order is all that keeps
// them apart: the account of their arguments, whatever the key that their saga gave them.
func lane(c saga.Command) string {
	var o Order
	if err := json.Unmarshal(c.Body, &o); err != nil {
		return "" // it will be refused
	}
	return o.Account
}

// inLane refuses to change an account that is another writer's. The account of an effect is that of
// its command, unless somebody has forged the command that takes it back.
func (a actions) inLane(ctx context.Context, account string) error {
	if c := participants.CommandFrom(ctx); a.laned && lane(c) != account {
		return later(CodeOtherLane, fmt.Errorf("account %s: %w", account, ErrOtherLane))
	}
	return nil
}

// alone makes a transaction of the bank's own, which is in no lane, the only one: it waits for those
// that have read an account, and keeps others from reading one. It must be the first statement.
// Only Postgres has other writers.
func (m *Mover) alone(ctx context.Context, tx Querier) error {
	if m.cfg.Strategy != Ordered || !m.cfg.Postgres {
		return nil
	}
	if _, err := tx.ExecContext(ctx, `LOCK TABLE accounts IN ACCESS EXCLUSIVE MODE`); err != nil {
		return fmt.Errorf("lock all accounts: %w", err)
	}
	return nil
}
