package orchestrator_test

import (
	"io/fs"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"

	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/orchestrator"
	"github.com/girohq/giro/outbox"
)

// TestQueryOfAnOlderDatabase: the files of a stopped instance are read as they are, also those that only an
// older program has written: reading changes nothing, so it cannot bring them up to date.
func TestQueryOfAnOlderDatabase(t *testing.T) {
	ctx, path := t.Context(), filepath.Join(t.TempDir(), "o.db")
	first, err := fs.ReadFile(orchestrator.Migrations(), "0001_sagas.sql")
	if err != nil {
		t.Fatal(err)
	}
	old, err := outbox.Open(ctx, outbox.Config{Path: path, Migrations: fstest.MapFS{"0001_sagas.sql": {Data: first}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := outbox.OpenReadOnly(path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	q, err := orchestrator.OpenQuery(ctx, db)
	if err != nil {
		t.Fatal(err)
	}
	if list, err := q.List(ctx, wire.ListRequest{}, time.Now()); err != nil || len(list.Items) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
	if list, err := q.Schedules(ctx, wire.ScheduleListRequest{}); err != nil || len(list.Items) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
	if _, err := q.Schedule(ctx, "payday"); err == nil || err.(*wire.Problem).Code != wire.CodeNotFound {
		t.Errorf("%v", err)
	}
	if _, err := q.Get(ctx, "T-1"); err == nil || err.(*wire.Problem).Code != wire.CodeNotFound {
		t.Errorf("%v", err)
	}
	if _, err := q.History(ctx, "T-1"); err == nil || err.(*wire.Problem).Code != wire.CodeNotFound {
		t.Errorf("%v", err)
	}
	if list := q.Pauses(); len(list.Items) != 0 {
		t.Errorf("%+v", list)
	}
}
