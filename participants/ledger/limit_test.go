package ledger

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/girohq/giro/races"
	"github.com/girohq/giro/saga"
	"pgregory.net/rapid"
)

// limitedTeller is a bank whose accounts may spend 100 a day in Prague, and a clock to move.
func limitedTeller(t testing.TB, cfg Config, accounts ...Account) (b *teller, now *time.Time) {
	t.Helper()
	prague, err := time.LoadLocation("Europe/Prague")
	must(t, err)
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, prague)
	cfg.Limit = &Limit{Max: 100, Day: prague}
	b = openBank(t, cfg)
	b.clock = func() time.Time { return at }
	_, err = b.OpenAccounts(t.Context(), accounts)
	must(t, err)
	return b, &at
}

// TestLimit holds what counts against a limit, how often, and what gives it back.
func TestLimit(t *testing.T) {
	b, now := limitedTeller(t, Config{Dir: t.TempDir()}, eur("1", 1000), eur("2", 1000))
	pay := func(id, account string, n int64) saga.Command { return command(id, debit, order(account, n, "EUR")) }
	first := pay("T1", "1", 60)
	b.want(b.do(first), saga.Succeeded, "")
	b.want(b.do(first), saga.Succeeded, "") // a repeat counts once
	b.want(b.do(pay("T2", "1", 41)), saga.Rejected, CodeLimitExceeded)
	b.want(b.do(pay("T3", "2", 100)), saga.Succeeded, "") // each account has its own
	b.want(b.do(pay("T4", "1", 101)), saga.Rejected, CodeLimitExceeded)
	b.want(b.do(outward.try("T5", order("1", 40, "EUR"))), saga.Succeeded, "")
	b.want(b.do(outward.try("T6", order("1", 1, "EUR"))), saga.Rejected, CodeLimitExceeded)
	b.want(b.do(command("T7", credit, order("1", 5, "EUR"))), saga.Succeeded, "") // what comes in is free

	// What is captured has counted already; what is released or undone counts no more.
	b.want(b.do(outward.confirm("T5", order("1", 40, "EUR"), saga.Pivot)), saga.Succeeded, "")
	b.want(b.do(pay("T8", "1", 1)), saga.Rejected, CodeLimitExceeded)
	b.want(b.do(undo(first, saga.KnownSucceeded)), saga.Succeeded, "")
	b.want(b.do(undo(first, saga.KnownSucceeded)), saga.Succeeded, "")
	b.want(b.do(outward.try("T9", order("1", 60, "EUR"))), saga.Succeeded, "")
	b.want(b.do(pay("T10", "1", 1)), saga.Rejected, CodeLimitExceeded)
	b.want(b.do(outward.cancel("T9", order("1", 60, "EUR"), saga.KnownSucceeded)), saga.Succeeded, "")
	b.wantSpent("1", 40)

	// A day on, the limit is free again, and an undo of yesterday's gives nothing to today.
	yesterday := pay("T11", "1", 60)
	b.want(b.do(yesterday), saga.Succeeded, "")
	*now = now.Add(12 * time.Hour)
	b.want(b.do(pay("T12", "1", 100)), saga.Succeeded, "")
	b.want(b.do(undo(yesterday, saga.KnownSucceeded)), saga.Succeeded, "")
	b.want(b.do(pay("T13", "1", 1)), saga.Rejected, CodeLimitExceeded)
	b.wantSpent("1", 140)
	b.wantRaces(races.LimitRefused, 6)
	b.audit()
}

// TestLimitOfExpiredHolds holds that what the bank releases by itself counts no more.
func TestLimitOfExpiredHolds(t *testing.T) {
	b, _ := limitedTeller(t, Config{Dir: t.TempDir()}, eur("1", 1000))
	b.want(b.do(outward.expiring("S", order("1", 100, "EUR"), saga.ExpiryRelease)), saga.Succeeded, "")
	b.sweep()
	b.want(b.do(command("T", debit, order("1", 100, "EUR"))), saga.Succeeded, "")
	b.wantSpent("1", 100)
}

// TestLimitIsExact throws debits, holds and their undos at a limited account, in any order and
// repeated. What stands of them is what is spent, and never more than the limit.
func TestLimitIsExact(t *testing.T) {
	b, _ := limitedTeller(t, Config{Dir: t.TempDir()})
	world := 0
	rapid.Check(t, func(rt *rapid.T) {
		world++
		account := fmt.Sprint("w", world)
		_, err := b.OpenAccounts(t.Context(), []Account{eur(account, 1000)})
		must(t, err)
		for range rapid.IntRange(1, 12).Draw(rt, "commands") {
			n := rapid.IntRange(0, 9).Draw(rt, "saga")
			id, body := fmt.Sprintf("T%d-%d", n, world), order(account, int64(10+7*n), "EUR")
			c := command(id, debit, body)
			back := undo(c, saga.KnownUnknown)
			if n%2 == 1 {
				c, back = outward.try(id, body), outward.cancel(id, body, saga.KnownUnknown)
			}
			if rapid.Bool().Draw(rt, "undo") {
				c = back
			}
			b.do(c)
			var stands int64
			must(t, b.db.Read().Get(&stands, `SELECT coalesce((SELECT -sum(change) FROM entries WHERE account = $1 AND kind <> 'opening'), 0) + held
				FROM accounts WHERE account = $2`, account, account))
			if spent := b.spent(account); spent != stands || spent > 100 {
				rt.Fatalf("%d stands, %d is counted, of 100", stands, spent)
			}
		}
	})
	b.audit()
}

func (b *teller) spent(account string) (sum int64) {
	b.Helper()
	var one int64
	must(b, b.db.Read().Get(&sum, `SELECT coalesce(sum(amount), 0) FROM spending WHERE account = $1`, account))
	must(b, b.db.Read().Get(&one, `SELECT coalesce(sum(amount), 0) FROM spent WHERE account = $1`, account))
	if one != sum {
		b.Errorf("account %s: the windows say %d, the steps %d", account, sum, one)
	}
	return sum
}

func (b *teller) wantSpent(account string, want int64) {
	b.Helper()
	if got := b.spent(account); got != want {
		b.Errorf("account %s has spent %d, want %d", account, got, want)
	}
}

// TestBadLimits are refused when the bank is opened.
func TestBadLimits(t *testing.T) {
	for _, l := range []Limit{{}, {Max: 1}, {Max: 0, Day: time.UTC}, {Max: 1, Day: time.UTC, Window: time.Hour}, {Max: 1, Window: time.Millisecond}} {
		b, err := Open(t.Context(), Config{Bank: "B", Dir: t.TempDir(), Limit: &l})
		if !errors.Is(err, ErrLimit) {
			t.Errorf("%+v: %v", l, err)
			if err == nil {
				must(t, b.Close())
			}
		}
	}
}

// TestLimitWindows holds where windows begin and end, also on a day of 23 hours.
func TestLimitWindows(t *testing.T) {
	prague, err := time.LoadLocation("Europe/Prague")
	must(t, err)
	day, hour := Limit{Max: 1, Day: prague}, Limit{Max: 1, Window: time.Hour}
	at := time.Date(2026, 3, 29, 12, 30, 0, 0, prague)
	if starts, ends := day.window(at); ends.Sub(starts) != 23*time.Hour || starts.Hour() != 0 {
		t.Errorf("the day is %s to %s", starts, ends)
	}
	if starts, ends := hour.window(at); ends.Sub(starts) != time.Hour || at.Sub(starts) != 30*time.Minute {
		t.Errorf("the hour is %s to %s", starts, ends)
	}
}
