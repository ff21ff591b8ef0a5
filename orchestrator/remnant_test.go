package orchestrator

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/girohq/giro/outbox"
)

// TestRemnants: of what has ended, that is left out which is needed whole.
func TestRemnants(t *testing.T) {
	ctx := t.Context()
	db, err := outbox.Open(ctx, outbox.Config{Path: filepath.Join(t.TempDir(), "o.db"), Migrations: Migrations()})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Write(ctx, func(tx outbox.Tx) error {
		for i, data := range []string{
			`{"steps":[]}`, `{"steps":[{"id":"a","state":"succeeded","by_hand":"x"}]}`, `{"steps":[{"id":"a","state":"succeeded","open":true}]}`,
			`{`, `{"steps":[],"parent":{"id":"S-1","step":"a"}}`, `{"steps":[]}`, `{"steps":[]}`,
		} {
			if _, err := tx.ExecContext(context.Background(), `INSERT INTO sagas (seq, id, type, version, state, revision, created, updated, finished, input, data)
				VALUES (?1, 'S-' || ?1, 't', 1, 'completed', 1, 1, 1, 1, x'7B7D', ?2)`, i+1, []byte(data)); err != nil {
				return err
			}
			if _, err := tx.ExecContext(context.Background(), `INSERT INTO history (saga, at, kind, event) VALUES (?, 1, 'started', 'accepted completed')`, i+1); err != nil {
				return err
			}
		}
		return saveMark(context.Background(), tx, 5) // of the sixth saga's event nobody knows
	}); err != nil {
		t.Fatal(err)
	}
	left := func() (ids string) {
		t.Helper()
		p, err := look(ctx, db.Read(), 0, 1)
		if err != nil {
			t.Fatal(err)
		}
		all, err := remnants(ctx, db.Read(), p.due)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range all {
			ids += r.id + r.parent + " "
		}
		return ids
	}
	if got := left(); got != "S-1 S-5S-1 " {
		t.Errorf("%s", got)
	}
	if err := db.Write(ctx, func(tx outbox.Tx) error { return saveMark(context.Background(), tx, 7) }); err != nil {
		t.Fatal(err)
	}
	if got := left(); got != "S-1 S-5S-1 S-6 " { // the last saga and the last row of the history stay
		t.Errorf("%s", got)
	}
	if err := db.Write(ctx, func(tx outbox.Tx) error {
		_, err := tx.ExecContext(context.Background(), `INSERT INTO history (saga, at, kind, event) VALUES (6, 1, 'noted', 'noted')`)
		return errors.Join(err, saveMark(context.Background(), tx, 8))
	}); err != nil {
		t.Fatal(err)
	}
	if got := left(); got != "S-1 S-5S-1 " {
		t.Errorf("%s", got)
	}
}

// TestLook: pages go on as long as anything in them is old, and pass over what lives.
func TestLook(t *testing.T) {
	ctx := t.Context()
	db, err := outbox.Open(ctx, outbox.Config{Path: filepath.Join(t.TempDir(), "o.db"), Migrations: Migrations()})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Write(ctx, func(tx outbox.Tx) error {
		_, err := tx.ExecContext(context.Background(), `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
			INSERT INTO sagas (id, type, version, state, revision, created, updated, finished, input, data)
			SELECT 'S-' || i, 't', 1, 'completed', 1, i, i, CASE WHEN i % 10 > 0 THEN i + 100 END, x'7B7D', x'7B7D' FROM n`)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	found, pages, after := 0, 0, int64(0)
	for begun := true; begun || after > 0; begun = false {
		p, err := look(ctx, db.Read(), after, 2000)
		if err != nil {
			t.Fatal(err)
		}
		found, pages, after = found+len(p.due), pages+1, p.after
	}
	if found != 1710 || pages != 3 {
		t.Errorf("%d are due on %d pages", found, pages)
	}
}
