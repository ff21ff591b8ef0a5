package orchestrator

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/saga"
)

// TestListsOfRareStates do not read the sagas that are completed, however many there are.
func TestListsOfRareStates(t *testing.T) {
	ctx := context.Background()
	db, err := outbox.Open(ctx, outbox.Config{Path: filepath.Join(t.TempDir(), "o.db"), Migrations: Migrations()})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, state := range []saga.State{saga.Running, saga.Compensating, saga.Suspended, saga.Compensated, saga.Abandoned} {
		where, args, err := conditions(wire.ListRequest{State: string(state)}, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		var plan []struct {
			ID, Parent, Notused int
			Detail              string
		}
		if err := db.Read().Select(&plan, `EXPLAIN QUERY PLAN SELECT `+sagaColumns+` FROM sagas`+where+` ORDER BY seq DESC LIMIT 100`, args...); err != nil {
			t.Fatal(err)
		}
		if len(plan) != 1 || !strings.Contains(plan[0].Detail, "USING INDEX") {
			t.Errorf("%s: %+v", state, plan)
		}
	}
}
