package embedded

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/participants/ledger"
	"github.com/girohq/giro/saga"
	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"
)

// TestBankReleasesOverdueHolds sends a try whose hold is overdue already, through the broker. The
// bank of a running node releases it without being asked, and the node's end ends the sweeper.
func TestBankReleasesOverdueHolds(t *testing.T) {
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	dir := t.TempDir()
	n, err := New(ctx, Config{Data: dir, Log: zerolog.Nop(), Banks: []ledger.Branch{
		{Bank: "B", Accounts: []ledger.Account{{Account: "1", Currency: "EUR", Balance: 100}}}}})
	if err != nil {
		t.Fatal(err)
	}
	running, end := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- n.Run(running) }()
	if err := n.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	try(t, n)
	awaitHold(ctx, t, filepath.Join(dir, ledger.FileName("B")), "expired")
	end()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// try asks bank B to reserve 60 until a minute ago.
func try(t *testing.T, n *Node) {
	t.Helper()
	names, err := wire.New("")
	if err != nil {
		t.Fatal(err)
	}
	conn, err := n.Connect("test")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	subject, header := wire.EncodeCommand(names, saga.Command{SagaID: "S", SagaType: "t", Step: "hold.try", Kind: saga.Compensatable,
		Direction: saga.Forward, Attempt: 1, Participant: "B", Action: "reserve", Key: "1",
		Expires: time.Now().Add(-time.Minute), Expiry: saga.ExpiryRelease}, "origin1")
	header[wire.HeaderAttempt] = []string{"1"}
	if _, err := conn.RequestMsg(&nats.Msg{Subject: subject, Header: header,
		Data: []byte(`{"account":"1","amount":60,"currency":"EUR"}`)}, 10*time.Second); err != nil {
		t.Fatal(err)
	}
}

// awaitHold looks into the bank's database until its hold is in the state.
func awaitHold(ctx context.Context, t *testing.T, path, want string) {
	t.Helper()
	db, err := outbox.OpenReadOnly(path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for state, held := "", 0; state != want || held != 0; {
		select {
		case <-ctx.Done():
			t.Fatalf("the hold is %q, and %d are held", state, held)
		case <-tick.C:
		}
		_ = db.QueryRowContext(ctx, `SELECT state, held FROM holds JOIN accounts USING (account)`).Scan(&state, &held)
	}
}
