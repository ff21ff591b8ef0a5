package outbox_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/girohq/giro/outbox"
)

// TestShrink: what was deleted is given back step by step, and the file is shorter after a checkpoint.
func TestShrink(t *testing.T) {
	ctx, path := t.Context(), filepath.Join(t.TempDir(), "s.db")
	db, err := outbox.Open(ctx, outbox.Config{Path: path, Shrinks: true})
	if err != nil {
		t.Fatal(err)
	}
	write := func(statements ...string) {
		t.Helper()
		if err := db.Write(ctx, func(tx outbox.Tx) error {
			for _, s := range statements {
				if _, err := tx.ExecContext(context.Background(), s); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	space := func() outbox.Space {
		t.Helper()
		s, err := db.Space(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	write(`CREATE TABLE much (n INTEGER PRIMARY KEY, what BLOB)`,
		`WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 500) INSERT INTO much SELECT n, zeroblob(3000) FROM c`)
	write(`DELETE FROM much WHERE n <= 480`)
	before := space()
	if !before.Shrinks || before.Free < 400 {
		t.Fatalf("%+v", before)
	}
	if err := db.Shrink(ctx, 100); err != nil {
		t.Fatal(err)
	}
	after := space()
	if got := before.Pages - after.Pages; got < 100 || got > 101 || before.Free-after.Free != got { // a page that maps others may go too
		t.Errorf("%+v, and it was %+v", after, before)
	}
	if err := db.Shrink(ctx, 10_000); err != nil {
		t.Fatal(err)
	}
	after = space()
	if after.Free != 0 {
		t.Errorf("%+v", after)
	}
	write(`INSERT INTO much VALUES (501, zeroblob(10))`) // it works on
	defer db.Close()
	if err := db.Checkpoint(ctx); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if want := after.Pages * after.Page; info.Size() > want+2*after.Page {
		t.Errorf("the file has %d bytes, %d are in use", info.Size(), want)
	}
}
