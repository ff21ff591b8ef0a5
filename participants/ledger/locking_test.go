package ledger

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/girohq/giro/coordination"
	"github.com/girohq/giro/participants"
	"github.com/girohq/giro/races"
	"github.com/girohq/giro/saga"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// lockedTeller is a bank that locks its accounts, and somebody else who can do so too.
func lockedTeller(t *testing.T, accounts ...Account) (b *teller, others *coordination.Locks, conn *nats.Conn) {
	t.Helper()
	conn = connect(t)
	b = openBank(t, Config{Dir: t.TempDir(), Conn: conn, Strategy: Locked})
	_, err := b.OpenAccounts(t.Context(), accounts)
	must(t, err)
	js, err := jetstream.New(conn)
	must(t, err)
	others, err = coordination.OpenLocks(t.Context(), coordination.Config{JetStream: js, Bucket: LocksBucket("")})
	must(t, err)
	return b, others, conn
}

// TestLockedByAnother holds that a command waits for its account's lock, but not for ever, and that
// other accounts are not kept.
func TestLockedByAnother(t *testing.T) {
	b, others, _ := lockedTeller(t, eur("1", 100), eur("2", 100))
	h, err := others.Acquire(t.Context(), LockName("B", "1"))
	must(t, err)
	kept, free := command("T", debit, order("1", 60, "EUR")), command("U", debit, order("2", 60, "EUR"))
	b.want(b.do(kept), saga.Retried, CodeLocked)
	b.want(b.do(free), saga.Succeeded, "")
	b.wantBalance("1", 100)
	b.wantRaces(races.LockWait, 1)
	must(t, h.Release(t.Context()))
	b.want(b.do(kept), saga.Succeeded, "")
	b.want(b.do(undo(kept, saga.KnownSucceeded)), saga.Succeeded, "")
	b.wantBalance("1", 100)
	b.wantBalance("2", 40)
}

// TestLockedSweep holds that an overdue hold of a locked account stays until the lock is free.
func TestLockedSweep(t *testing.T) {
	b, others, _ := lockedTeller(t, eur("1", 100))
	b.do(outward.expiring("S", order("1", 60, "EUR"), saga.ExpiryRelease))
	h, err := others.Acquire(t.Context(), LockName("B", "1"))
	must(t, err)
	if n, _ := b.sweep(); n != 0 {
		t.Errorf("%d holds released under another's lock", n)
	}
	must(t, h.Release(t.Context()))
	if n, _ := b.sweep(); n != 1 {
		t.Errorf("%d holds released", n)
	}
	b.wantAccount("1", 100, 0)
}

// TestPausedBank holds that a bank which was paused between taking a lock and writing does not write
// when another has had the lock meanwhile and has written.
func TestPausedBank(t *testing.T) {
	b, others, conn := lockedTeller(t, eur("1", 100))
	paused, busy, leave := b.sweeper.hold([]string{"1"})
	if len(busy) != 0 {
		t.Fatal(busy)
	}
	take := func(ctx context.Context) error {
		return b.db.Write(t.Context(), func(tx participants.Tx) error { return b.mover.Move(ctx, tx, takes("1", 60)) })
	}
	// Its time passes: the server takes the record away, and somebody else has the lock.
	js, err := jetstream.New(conn)
	must(t, err)
	stream, err := js.Stream(t.Context(), "KV_"+LocksBucket(""))
	must(t, err)
	must(t, stream.Purge(t.Context()))
	must(t, others.Do(t.Context(), LockName("B", "1"), func(ctx context.Context, token coordination.Token) error {
		return take(Under(ctx, token))
	}))
	if err := take(paused); !errors.Is(err, coordination.ErrStale) {
		t.Errorf("the paused one wakes and gets %v", err)
	}
	leave()
	if err := take(t.Context()); !errors.Is(err, ErrNotHeld) {
		t.Errorf("without a lock: %v", err)
	}
	b.wantRaces(races.StaleToken, 1)
	b.wantRaces(races.LockExpired, 1)
	if balance, _ := b.balance("1"); balance != 40 {
		t.Errorf("balance %d, want 40", balance)
	}
}

// TestLocksAreBounded holds that a batch over many accounts takes some of their locks, and leaves
// none behind.
func TestLocksAreBounded(t *testing.T) {
	b, others, _ := lockedTeller(t)
	var accounts []string
	for n := range maxLocks + 3 {
		accounts = append(accounts, fmt.Sprint(n), fmt.Sprint(n)) // each of them twice
	}
	_, busy, leave := b.sweeper.hold(accounts)
	if len(busy) != 3 {
		t.Errorf("%d locks were not had, want 3", len(busy))
	}
	leave()
	for _, account := range accounts {
		if owner, held, err := others.Holder(t.Context(), LockName("B", account)); held || err != nil {
			t.Fatalf("account %s is still held by %s (%v)", account, owner, err)
		}
	}
}
