package participants_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/girohq/giro/participants"
	"github.com/girohq/giro/participants/ledger"
	"github.com/girohq/giro/saga"
	"github.com/nats-io/nats.go"
)

// BenchmarkLedger is how many commands a bank takes through barrier, handler and synced commit,
// without a broker: each a debit of another saga, spread over 4,000 accounts.
func BenchmarkLedger(b *testing.B) {
	db, err := participants.Open(b.Context(), filepath.Join(b.TempDir(), "bank.db"), ledger.Migrations())
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	fill(b, db)
	var succeeded atomic.Int64
	p := participants.Offline(db, func(m *nats.Msg) {
		if m.Header.Get("Saga-Outcome") == string(saga.Succeeded) {
			succeeded.Add(1)
		}
	})
	ledger.Register(p, nil)
	commands := debits(b.N)
	ctx, stop := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	b.ReportAllocs()
	b.ResetTimer()
	go func() { ended <- p.RunLoop(ctx) }()
	for _, c := range commands {
		if err := p.Offer(ctx, c); err != nil {
			b.Fatal(err)
		}
	}
	stop()
	if err := <-ended; err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commands/s")
	if int(succeeded.Load()) != b.N {
		b.Fatalf("%d of %d succeeded", succeeded.Load(), b.N)
	}
}

func fill(b *testing.B, db interface {
	Write(context.Context, func(participants.Tx) error) error
}) {
	err := db.Write(b.Context(), func(tx participants.Tx) error {
		for i := range benchAccounts {
			if _, err := tx.ExecContext(b.Context(), `INSERT INTO accounts (account, currency, balance, version)
				VALUES (?, 'EUR', ?, 1)`, fmt.Sprint(i), int64(ledger.MaxAmount)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}

const benchAccounts = 4000

func debits(n int) []saga.Command {
	commands := make([]saga.Command, n)
	for i := range commands {
		account := fmt.Sprint(i * 7919 % benchAccounts)
		commands[i] = saga.Command{
			SagaID: fmt.Sprintf("019b76da-a800-7000-8000-%012d", i), SagaType: "transfer", Step: "debit", Kind: saga.Compensatable,
			Direction: saga.Forward, Attempt: 1, Participant: "P", Action: "debit", Key: account,
			Body: fmt.Appendf(nil, `{"account":%q,"amount":100,"currency":"EUR"}`, account),
		}
	}
	return commands
}
