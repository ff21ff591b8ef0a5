package ledger

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/girohq/giro/participants"
	"github.com/girohq/giro/saga"
	"github.com/rs/zerolog"
)

// TestExpiry holds what the time does to a hold, to the microsecond: nothing before, and nothing
// ever to one that must stay or has no time.
func TestExpiry(t *testing.T) {
	body := order("1", 60, "EUR")
	for _, tt := range []struct {
		name    string
		expiry  saga.Expiry
		at      time.Time
		overdue int
		want    holdState
	}{
		{"release, before", saga.ExpiryRelease, due.Add(-time.Microsecond), 0, held},
		{"release, at the time", saga.ExpiryRelease, due, 0, expired},
		{"release, after", saga.ExpiryRelease, due.Add(time.Hour), 0, expired},
		{"alert, before", saga.ExpiryAlert, due.Add(-time.Microsecond), 0, held},
		{"alert, at the time", saga.ExpiryAlert, due, 1, held},
		{"alert, after", saga.ExpiryAlert, due.Add(time.Hour), 1, held},
		{"none", "", due.Add(time.Hour), 0, held},
	} {
		for _, w := range []way{outward, inward} {
			t.Run(tt.name+"/"+w.name, func(t *testing.T) {
				b := newTeller(t, eur("1", 100))
				try := w.expiring("S", body, tt.expiry)
				if tt.expiry == "" {
					try.Expires = time.Time{}
				}
				b.do(try)
				released, overdue, err := Sweep(t.Context(), b.db, tt.at)
				must(t, err)
				if want := tt.want == expired; (released == 1) != want || released > 1 || len(overdue) != tt.overdue {
					t.Errorf("%d released, %d overdue", released, len(overdue))
				}
				b.wantHold(w, tt.want)
			})
		}
	}
}

// TestExpiryIsNotEarly: the databases keep microseconds, commands nanoseconds.
func TestExpiryIsNotEarly(t *testing.T) {
	b := newTeller(t, eur("1", 100))
	c := outward.expiring("S", order("1", 60, "EUR"), saga.ExpiryRelease)
	c.Expires = due.Add(time.Nanosecond)
	b.do(c)
	b.sweep()
	b.wantHold(outward, held)
	_, _, err := Sweep(t.Context(), b.db, due.Add(time.Microsecond))
	must(t, err)
	b.wantHold(outward, expired)
}

// TestCaptureOfAnOverdueHold: the clock alone decides nothing, the first commit does.
func TestCaptureOfAnOverdueHold(t *testing.T) {
	body := order("1", 60, "EUR")
	b := newTeller(t, eur("1", 100))
	b.now = func() time.Time { return due.Add(time.Hour) }
	b.do(outward.expiring("S", body, saga.ExpiryRelease))
	b.want(b.do(outward.confirm("S", body, saga.Pivot)), saga.Succeeded, "")
	if n, _ := b.sweep(); n != 0 {
		t.Errorf("%d holds released after their capture", n)
	}
	b.wantHold(outward, captured)
}

// TestExpireMeetsACapture has the sweep find the hold open and the capture commit before it.
func TestExpireMeetsACapture(t *testing.T) {
	body := order("1", 60, "EUR")
	b := newTeller(t, eur("1", 100))
	b.do(outward.expiring("S", body, saga.ExpiryRelease))
	found, err := overdueHolds(t.Context(), b.db, saga.ExpiryRelease, due, sweepRows)
	must(t, err)
	b.want(b.do(outward.confirm("S", body, saga.Pivot)), saga.Succeeded, "")
	must(t, b.db.Write(t.Context(), func(tx participants.Tx) error {
		for _, h := range found {
			if done, err := b.mover.expire(t.Context(), tx, h, due); done || err != nil {
				t.Errorf("expired after its capture: %v %v", done, err)
			}
		}
		return nil
	}))
	if len(found) != 1 {
		t.Errorf("%d found", len(found))
	}
	b.wantHold(outward, captured)
}

// TestSweepInBatches releases many holds in bounded transactions, and looking for none is none.
func TestSweepInBatches(t *testing.T) {
	const n = 2*sweepRows + 1
	b := newTeller(t, eur("1", n))
	for i := range n {
		b.do(outward.expiring(fmt.Sprintf("S%d", i), order("1", 1, "EUR"), saga.ExpiryRelease))
	}
	b.wantAccount("1", n, n)
	before := b.Commits()
	if released, _ := b.sweep(); released != n {
		t.Errorf("%d released", released)
	}
	if got := b.Commits() - before; got != 3 {
		t.Errorf("%d transactions", got)
	}
	b.wantAccount("1", n, 0)
	if released, _ := b.sweep(); released != 0 || b.Commits()-before != 3 {
		t.Errorf("%d released again, in %d transactions", released, b.Commits()-before)
	}
}

// TestSweepFindsByIndex: looking each second must not grow with the holds of the past.
func TestSweepFindsByIndex(t *testing.T) {
	b := newTeller(t)
	rows, err := b.db.Read().Query("EXPLAIN QUERY PLAN "+listOverdue, "release", 0, 1)
	must(t, err)
	defer rows.Close()
	var plan []string
	for rows.Next() {
		var id, parent, unused int
		var detail string
		must(t, rows.Scan(&id, &parent, &unused, &detail))
		plan = append(plan, detail)
	}
	must(t, rows.Err())
	if len(plan) != 1 || !strings.Contains(plan[0], "holds_overdue (expiry=? AND expires<?)") {
		t.Errorf("plan: %q", plan)
	}
}

// TestOverdueIsTold: each hold that must stay is told once in the life of a process, is listed
// as long as it is open, and is told again by the next process.
func TestOverdueIsTold(t *testing.T) {
	dir := t.TempDir()
	body := order("1", 10, "EUR")
	b := openTeller(t, dir)
	_, err := b.OpenAccounts(t.Context(), []Account{eur("1", 100)})
	must(t, err)
	b.now = func() time.Time { return due }
	b.do(outward.expiring("S", body, saga.ExpiryAlert))
	b.do(inward.expiring("T", body, saga.ExpiryAlert))
	log := b.listen()
	wantTold(t, b, log, 2)
	wantTold(t, b, log, 2)
	b.do(outward.confirm("S", body, saga.Retriable))
	b.do(outward.expiring("U", body, saga.ExpiryAlert))
	wantTold(t, b, log, 3)
	open, err := b.Overdue(t.Context())
	must(t, err)
	want := Hold{Saga: "T", Step: "hold.try", Account: "1", Amount: 10, Expires: due}
	if len(open) != 2 || open[0] != want {
		t.Errorf("overdue: %v", open)
	}
	must(t, b.Close())
	next := openTeller(t, dir)
	wantTold(t, next, next.listen(), 2)
}

// listen has the bank's sweeper speak into a buffer, at the time due.
func (b *teller) listen() *strings.Builder {
	log := new(strings.Builder)
	b.sweeper.log = zerolog.New(log)
	b.sweeper.now = func() time.Time { return due }
	return log
}

func wantTold(t *testing.T, b *teller, log *strings.Builder, n int) {
	t.Helper()
	must(t, b.sweeper.sweep(t.Context()))
	if got := strings.Count(log.String(), `"level":"warn"`); got != n {
		t.Errorf("told %d times, want %d:\n%s", got, n, log)
	}
}

// TestSweeperRuns sweeps at a tick and ends with its context.
func TestSweeperRuns(t *testing.T) {
	b := newTeller(t, eur("1", 100))
	b.listen()
	b.do(outward.expiring("S", order("1", 60, "EUR"), saga.ExpiryRelease))
	ctx, stop := context.WithCancel(t.Context())
	ticks, ended := make(chan time.Time), make(chan error, 1)
	go func() { ended <- b.sweeper.run(ctx, ticks) }()
	ticks <- due
	ticks <- due // taken when the first sweep is over
	b.wantHold(outward, expired)
	stop()
	must(t, <-ended)
}

// TestSweeperGoesOn after a failure that passes.
func TestSweeperGoesOn(t *testing.T) {
	b := newTeller(t)
	log := b.listen()
	must(t, b.write(`ALTER TABLE holds RENAME TO hidden`))
	wantTold(t, b, log, 1)
	must(t, b.write(`ALTER TABLE hidden RENAME TO holds`))
	wantTold(t, b, log, 1)
}
