package ledger

import (
	"context"
	"strings"
	"testing"

	"github.com/girohq/giro/participants"
)

// write runs a statement past all of this package's code.
func (b *teller) write(statement string) error {
	return b.db.Write(context.Background(), func(tx participants.Tx) error {
		_, err := tx.ExecContext(context.Background(), statement)
		return err
	})
}

// TestConstraints holds that the tables themselves refuse what no handler may do.
func TestConstraints(t *testing.T) {
	const entry = `INSERT INTO entries (saga, step, kind, account, amount, balance, version, reverses, posted) VALUES `
	b := newTeller(t, eur("1", 100))
	b.do(command("T", debit, order("1", 60, "EUR")))
	tests := []struct{ name, statement, refusal string }{
		{"negative balance", `UPDATE accounts SET balance = balance - 41`, "CHECK"},
		{"more held than there is", `UPDATE accounts SET held = 41`, "CHECK"},
		{"negative hold", `UPDATE accounts SET held = -1`, "CHECK"},
		{"fraction", `UPDATE accounts SET balance = 0.5`, "REAL value"},
		{"overflow", `UPDATE accounts SET balance = balance + 9223372036854775807`, "REAL value"},
		{"bad currency", `UPDATE accounts SET currency = 'eur'`, "CHECK"},
		{"account twice", `INSERT INTO accounts (account, currency, balance) VALUES ('1', 'CZK', 0)`, "UNIQUE"},
		{"effect twice", entry + `('T', 'debit', 'debit', '1', 60, 0, 3, NULL, 0)`, "UNIQUE"},
		{"opening twice", entry + `('', '1', 'opening', '1', 60, 0, 3, NULL, 0)`, "UNIQUE"},
		{"entry of no account", entry + `('U', 'debit', 'debit', '2', 60, 0, 3, NULL, 0)`, "FOREIGN KEY"},
		{"nothing", entry + `('U', 'debit', 'debit', '1', 0, 0, 3, NULL, 0)`, "CHECK"},
		{"unknown kind", entry + `('U', 'debit', 'gift', '1', 1, 0, 3, NULL, 0)`, "CHECK"},
		{"reversal of nothing", entry + `('U', 'debit', 'refund', '1', 60, 0, 3, 'debit', 0)`, "FOREIGN KEY"},
		{"reversal that does not say so", entry + `('T', 'debit', 'refund', '1', 60, 0, 3, NULL, 0)`, "CHECK"},
		{"reversal of the wrong kind", entry + `('T', 'debit', 'uncredit', '1', 60, 0, 3, 'debit', 0)`, "CHECK"},
		{"effect that says it reverses", entry + `('T', 'debit', 'credit', '1', 60, 0, 3, 'debit', 0)`, "CHECK"},
		{"account with entries deleted", `DELETE FROM accounts`, "FOREIGN KEY"},
	}
	for _, tt := range tests {
		if err := b.write(tt.statement); err == nil || !strings.Contains(err.Error(), tt.refusal) {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.refusal)
		}
	}
	b.wantBalance("1", 40)
	must(t, b.write(entry+`('T', 'debit', 'refund', '1', 60, 100, 3, 'debit', 0)`))
	if err := b.write(entry + `('T', 'debit', 'refund', '1', 60, 100, 4, 'debit', 0)`); err == nil {
		t.Error("an effect could be reversed twice")
	}
}

// TestTrialBalance holds that the view finds an account that was moved without its entry.
func TestTrialBalance(t *testing.T) {
	b := newTeller(t, eur("1", 100), eur("2", 0), Account{Account: "3", Currency: "CZK", Balance: 7})
	b.do(command("T", debit, order("1", 60, "EUR")))
	b.do(command("T", credit, order("2", 60, "EUR")))
	differences := func() map[string]int64 {
		var rows []struct {
			Currency   string
			Difference int64
		}
		must(t, b.db.Read().Select(&rows, `SELECT currency, difference FROM trial_balance`))
		found := map[string]int64{}
		for _, r := range rows {
			found[r.Currency] = r.Difference
		}
		return found
	}
	if got := differences(); len(got) != 2 || got["EUR"] != 0 || got["CZK"] != 0 {
		t.Errorf("differences: %v", got)
	}
	must(t, b.write(`UPDATE accounts SET balance = balance + 1 WHERE account = '2'`))
	if got := differences(); got["EUR"] != 1 || got["CZK"] != 0 {
		t.Errorf("a made up cent is seen as %v", got)
	}
}

// TestRowsAreCheckedInPlace: from an IN of more than two values in a constraint SQLite builds a table, for each row that
// is written. That was a seventh of what a command costs.
func TestRowsAreCheckedInPlace(t *testing.T) {
	b := openTeller(t, t.TempDir())
	for _, table := range []string{"inbox", "entries", "holds", "accounts"} {
		var program []struct{ Opcode string }
		must(t, b.db.Read().Unsafe().Select(&program, "EXPLAIN INSERT INTO "+table+" DEFAULT VALUES"))
		for _, line := range program {
			if line.Opcode == "OpenEphemeral" {
				t.Errorf("%s: a row that is written makes a table", table)
			}
		}
		if len(program) < 20 {
			t.Errorf("%s: no program: %v", table, program)
		}
	}
}
