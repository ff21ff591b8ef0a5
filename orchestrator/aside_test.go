package orchestrator_test

import (
	"testing"
	"time"

	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/saga"
)

// TestAnUnreadableTimerIsLookedAtLater: a saga that cannot be read has a timer that fires for nothing. It
// must neither keep the timers busy nor stand before those of others.
func TestAnUnreadableTimerIsLookedAtLater(t *testing.T) {
	r := newRig(t).running()
	r.apply(`{"saga":"loan","steps":[{"id":"ok","await":{"signal":"ok","timeout":"1h"}},{"id":"pay","participant":"P","action":"pay"}]}`)
	r.begin("loan", "U-1", `{}`)
	r.must(r.db.Write(t.Context(), func(tx outbox.Tx) error {
		_, err := tx.ExecContext(t.Context(), `UPDATE sagas SET data = x'7b', timer = 1`)
		return err
	}))
	r.begin("loan", "U-2", `{}`) // its timer makes the others be looked at
	r.must(r.db.Write(t.Context(), func(tx outbox.Tx) error {
		_, err := tx.ExecContext(t.Context(), `UPDATE sagas SET timer = 2 WHERE id = 'U-2'`)
		return err
	}))
	r.apply(`{"saga":"nap","steps":[{"id":"nap","sleep":"1ms"}]}`)
	r.begin("nap", "U-3", `{}`)
	r.reaches("U-1", saga.Suspended)
	r.eventually("looked at later", func() bool {
		var due int
		r.must(r.db.Read().GetContext(t.Context(), &due, `SELECT count(*) FROM sagas WHERE timer < ?`, time.Now().UnixMicro()))
		return due == 0
	})
}
