package outbox

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
)

func files(pairs ...string) fs.FS {
	all := fstest.MapFS{}
	for i := 0; i < len(pairs); i += 2 {
		all[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
	}
	return all
}

const (
	first  = `CREATE TABLE a (x INTEGER); INSERT INTO a VALUES (1);`
	second = `ALTER TABLE a ADD COLUMN y INTEGER; -- a comment last`
)

func TestMigrationsRunOnceInOrder(t *testing.T) {
	path := newPath(t)
	for _, set := range []fs.FS{
		files("0001_a.sql", first),
		files("0001_a.sql", first, "0002_b.sql", second),
		files("0001_a.sql", first, "0002_b.sql", second),
	} {
		db, err := Open(bg, Config{Path: path, Migrations: set})
		must(t, err)
		must(t, db.Close())
	}
	db, err := OpenReadOnly(path)
	must(t, err)
	defer db.Close()
	var names []string
	must(t, db.Select(&names, `SELECT owner || ' ' || number || ' ' || name FROM migrations ORDER BY owner, number`))
	if got := strings.Join(names, "; "); got != "outbox 1 0001_outbox.sql; owner 1 0001_a.sql; owner 2 0002_b.sql" {
		t.Fatalf("applied: %s", got)
	}
	var n int
	must(t, db.Get(&n, `SELECT count(*) FROM a WHERE y IS NULL`))
	if n != 1 {
		t.Fatalf("%d rows, want the one of the first file, once", n)
	}
}

func TestADatabaseOfANewerProgramIsRefused(t *testing.T) {
	path := newPath(t)
	db, err := Open(bg, Config{Path: path, Migrations: files("0001_a.sql", first, "0002_b.sql", second)})
	must(t, err)
	must(t, db.Close())
	_, err = Open(bg, Config{Path: path, Migrations: files("0001_a.sql", first)})
	if !errors.Is(err, ErrNewer) || !strings.Contains(err.Error(), "0002_b.sql") {
		t.Fatalf("older program: %v", err)
	}
	_, err = Open(bg, Config{Path: path, Migrations: files("0001_other.sql", first, "0002_b.sql", second)})
	if !errors.Is(err, ErrMigrations) {
		t.Fatalf("other program: %v", err)
	}
}

func TestAFailingMigrationLeavesNothing(t *testing.T) {
	for name, half := range map[string]string{
		"an error":     `CREATE TABLE b (x); INSERT INTO nowhere VALUES (1);`,
		"its own end":  `CREATE TABLE b (x); COMMIT; INSERT INTO nowhere VALUES (1);`,
		"a lost one":   `CREATE TABLE b (x UNIQUE); INSERT OR ROLLBACK INTO b VALUES (1), (1);`,
		"a savepoint":  `CREATE TABLE b (x); SAVEPOINT s;`,
		"a pragma":     `CREATE TABLE b (x); PRAGMA synchronous=OFF;`,
		"another file": `CREATE TABLE b (x); ATTACH 'other.db' AS other;`,
	} {
		path := newPath(t)
		if _, err := Open(bg, Config{Path: path, Migrations: files("0001_a.sql", first, "0002_b.sql", half)}); err == nil {
			t.Errorf("%s: accepted", name)
		}
		db, err := Open(bg, Config{Path: path, Migrations: files("0001_a.sql", first)})
		must(t, err)
		if count(t, db, `sqlite_master WHERE name = 'b'`) != 0 || count(t, db, "a") != 1 {
			t.Errorf("%s: it stopped half way", name)
		}
		must(t, db.Close())
	}
}

func TestMigrationNames(t *testing.T) {
	for _, name := range []string{"0002_gap.sql", "1_short.sql", "0001.sql", "x_y.sql", "+001_a.sql"} {
		_, err := Open(bg, Config{Path: newPath(t), Migrations: files(name, first)})
		if !errors.Is(err, ErrMigrations) {
			t.Errorf("%s: %v, want ErrMigrations", name, err)
		}
	}
}
