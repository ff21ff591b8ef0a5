package outbox

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"
)

// children are what this binary does when a test runs it again as another process.
var children = map[string]func(path string){
	"hold":   childHold,
	"commit": childCommit,
}

func TestMain(m *testing.M) {
	if child, ok := children[os.Getenv("OUTBOX_CHILD")]; ok {
		child(os.Getenv("OUTBOX_PATH"))
		return
	}
	goleak.VerifyTestMain(m)
}

var bg = context.Background()

func newPath(t testing.TB) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "test.db")
}

// openAt opens the database and closes it with the test.
func openAt(t testing.TB, path string) *DB {
	t.Helper()
	db, err := Open(bg, Config{Path: path})
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	return db
}

// openItems is a database with the table items(id), which most tests write to.
func openItems(t testing.TB) *DB {
	t.Helper()
	db := openAt(t, newPath(t))
	write(t, db, `CREATE TABLE items (id INTEGER PRIMARY KEY, note TEXT)`)
	return db
}

func write(t testing.TB, db *DB, query string, args ...any) {
	t.Helper()
	must(t, db.Write(bg, func(tx Tx) error {
		_, err := tx.ExecContext(bg, query, args...)
		return err
	}))
}

func count(t testing.TB, db *DB, from string) int {
	t.Helper()
	var n int
	must(t, db.Read().Get(&n, "SELECT count(*) FROM "+from))
	return n
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
