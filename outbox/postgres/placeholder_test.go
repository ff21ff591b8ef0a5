package postgres

import "testing"

func TestRebind(t *testing.T) {
	for from, want := range map[string]string{
		`SELECT 1`:                              `SELECT 1`,
		`a = ? AND b = ?`:                       `a = $1 AND b = $2`,
		`?3 || ?1 || ?12`:                       `$3 || $1 || $12`,
		`$1 AND ?`:                              `$1 AND $1`,
		`'?' || ? || 'it''s ?' || ?`:            `'?' || $1 || 'it''s ?' || $2`,
		`"col?" = ? AND "a""?" = ?`:             `"col?" = $1 AND "a""?" = $2`,
		`E'\'?' || ?`:                           `E'\'?' || $1`,
		`size'?' || '\' || ?`:                   `size'?' || '\' || $1`,
		"? -- why?\n + ? /* ? /* ? */ ? */ + ?": "$1 -- why?\n + $2 /* ? /* ? */ ? */ + $3",
		`$$ ? $$ || ? || $a$ ? $$ ? $a$ || ?`:   `$$ ? $$ || $1 || $a$ ? $$ ? $a$ || $2`,
		`doc ?? 'key' AND n = ?`:                `doc ? 'key' AND n = $1`,
		`(?,?),(?,?)`:                           `($1,$2),($3,$4)`,
		`'open ?`:                               `'open ?`,
		`-- ?`:                                  `-- ?`,
	} {
		if got := rebind(from); got != want {
			t.Errorf("%s\nbecame %s\n  want %s", from, got, want)
		}
	}
}

func TestControls(t *testing.T) {
	for query, want := range map[string]bool{
		"COMMIT": true, " commit;": true, "-- a\n/* b /* c */ */ Rollback": true, ";;END": true, "set x = 1": true, "SELECT 1; commit": true, "SELECT 'a;' ;--\n END": true,
		"SELECT 1": false, "SELECT 1; -- COMMIT\nSELECT 2": false, "SELECT '; COMMIT'": false, "CASE END": false, "UPDATE t SET a = 1": false, "": false, "-- COMMIT": false, "settle": false, "(SELECT 1)": false,
	} {
		if got := isControl(query); got != want {
			t.Errorf("%q: %v, want %v", query, got, want)
		}
	}
}
