package audit

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	_ "github.com/mattn/go-sqlite3"
)

const (
	orchestratorDB = "orchestrator.db"
	homeDB         = "ledger-HOME.db"
	awayDB         = "ledger-AWAY.db"
)

// TestViolations breaks one thing after the other in databases that were in order, as no program
// of Giro could, and holds what the audit says. With 300 transfers each account has moved once:
// T-1 completed, T-7 was refused its debit, T-8 its credit, T-300 is under way.
func TestViolations(t *testing.T) {
	whole := generate(t, 300)
	if r := audited(t, whole); !r.OK {
		t.Fatalf("before anything was broken: %v", r.Violations)
	}
	checkViolations(t, whole, violations)
}

// violation is something that is broken. The first invariant is the one that it is about, the others
// break with it.
type violation struct {
	name, file string
	breaks     []string
	want       []string
	saga, says string
}

func checkViolations(t *testing.T, whole string, list []violation) {
	for _, c := range list {
		t.Run(c.name, func(t *testing.T) {
			dir := copied(t, whole)
			execute(t, filepath.Join(dir, c.file), c.breaks...)
			r := audited(t, dir)
			if r.OK {
				t.Fatal("the audit is content")
			}
			if got := invariants(r); !slices.Equal(got, slices.Sorted(slices.Values(c.want))) {
				t.Errorf("invariants %v, want %v\n%v", got, c.want, r.Violations)
			}
			if !mentions(r, c.want[0], c.saga, c.says) {
				t.Errorf("no %s of saga %q that says %q in\n%v", c.want[0], c.saga, c.says, r.Violations)
			}
		})
	}
}

var violations = []violation{
	{"suspended without a cause", orchestratorDB,
		[]string{`UPDATE sagas SET state = 'suspended', data = CAST('{"steps":[]}' AS BLOB) WHERE id = 'T-300'`},
		[]string{"I2"}, "T-300", "without a cause"},
	{"nothing is out for it", orchestratorDB,
		[]string{`DELETE FROM outbox WHERE key = 'T-300/credit/forward'`},
		[]string{"I2"}, "T-300", "neither a command nor a timer"},
	{"terminal and not finished", orchestratorDB,
		[]string{`UPDATE sagas SET finished = NULL WHERE id = 'T-1'`},
		[]string{"I2"}, "T-1", "time of finishing"},
	{"a row that cannot be read", orchestratorDB,
		[]string{`UPDATE sagas SET data = CAST('{' AS BLOB) WHERE id = 'T-1'`},
		[]string{"I2"}, "T-1", "cannot be read"},

	{"a balance without an entry", homeDB,
		[]string{`UPDATE accounts SET balance = balance + 1 WHERE account = '31'`},
		[]string{"I3"}, "", "account 31 of bank HOME"},
	{"money out of nothing", homeDB, // correct by itself: an account opened twice
		post("opening", "", "again", "31", 7),
		[]string{"I3"}, "", "opening balance as entry 3"},
	{"entries without an account", homeDB,
		[]string{`DELETE FROM accounts WHERE account = '31'`},
		[]string{"I3", "I6"}, "", "does not exist"},

	{"a balance after an entry", homeDB,
		[]string{`UPDATE entries SET balance = balance + 1 WHERE saga = 'T-1'`},
		[]string{"I4"}, "", "account 31 of bank HOME: entry 2 says"},
	{"overdrawn at one entry only", homeDB,
		[]string{
			`UPDATE entries SET amount = 1, balance = 1 WHERE kind = 'opening' AND account = '31'`,
			`UPDATE entries SET balance = -1 WHERE saga = 'T-1'`,
			`UPDATE accounts SET balance = -1 WHERE account = '31'`,
		},
		[]string{"I4"}, "", "overdrawn after entry 2"},
	{"a missing entry", awayDB,
		[]string{`UPDATE entries SET version = 3 WHERE saga = 'T-1'`, `UPDATE accounts SET version = 3 WHERE account = '17'`},
		[]string{"I4", "I3"}, "", "entry 3 follows entry 1"},

	{"two effects of one step", homeDB,
		post("credit", "T-1", "debit", "31", 2),
		[]string{"I5", "I3", "I6"}, "T-1", "more than one effect"},
	{"a reversal of another amount", homeDB,
		post("refund", "T-1", "debit", "31", 1),
		[]string{"I5", "I3", "I6"}, "T-1", "not of the same account and amount"},
	{"a reversal of nothing", homeDB,
		post("refund", "T-7", "debit", "217", 8),
		[]string{"I5", "I3"}, "T-7", "without an effect"},

	{"completed without its credit", awayDB,
		append(unpost("T-1", "credit"), `DELETE FROM inbox WHERE saga = 'T-1'`),
		[]string{"I6", "I3", "I8"}, "T-1", "no credit of account 17"},
	{"completed and reversed", homeDB,
		append(post("refund", "T-1", "debit", "31", 2), `UPDATE inbox SET state = 'undone', undo_result = '{}' WHERE saga = 'T-1'`),
		[]string{"I6", "I3", "I8"}, "T-1", "was reversed"},
	{"compensated and its debit stands", homeDB,
		append(unpost("T-8", "refund"), `UPDATE inbox SET state = 'succeeded', undo_result = NULL WHERE saga = 'T-8'`),
		[]string{"I6", "I3", "I8"}, "T-8", "effect of step debit on account 248"},
	{"completed with a refused step", orchestratorDB,
		[]string{`UPDATE sagas SET state = 'completed' WHERE id = 'T-8'`},
		[]string{"I6"}, "T-8", "step credit is rejected"},
	{"an earlier run of a step stands", orchestratorDB,
		[]string{step("T-1", `"id":"debit"`, `"id":"debit","run":1`)},
		[]string{"I6", "I8"}, "T-1", "the effect of step debit on account 31"},
	{"a terminal saga with a step under way", orchestratorDB,
		[]string{step("T-7", `"rejected"`, `"running"`)},
		[]string{"I6", "I8"}, "T-7", "step debit is running"},
	{"another amount than ordered", orchestratorDB,
		[]string{`UPDATE sagas SET input = CAST(replace(CAST(input AS TEXT), '"amount":2,', '"amount":3,') AS BLOB) WHERE id = 'T-1'`},
		[]string{"I6"}, "T-1", "debit of 3 EUR"},
	{"another account than ordered", orchestratorDB,
		[]string{`UPDATE sagas SET input = CAST(replace(CAST(input AS TEXT), '"account":"17"', '"account":"18"') AS BLOB) WHERE id = 'T-1'`},
		[]string{"I6"}, "T-1", "on account 18"},
	{"moved for nobody", homeDB,
		append(post("debit", "GHOST", "debit", "31", 5), inboxRow("GHOST", "debit", "(SELECT origin FROM inbox LIMIT 1)")),
		[]string{"I6", "I3"}, "GHOST", "never accepted"},
	{"moved under a step nobody asked for", homeDB,
		append(post("debit", "T-1", "tip", "31", 5), inboxRow("T-1", "tip", "(SELECT origin FROM inbox LIMIT 1)")),
		[]string{"I6", "I3"}, "T-1", "did not ask"},

	{"moved though refused", homeDB,
		post("debit", "T-7", "debit", "217", 8),
		[]string{"I7", "I3", "I6"}, "T-7", "which is rejected"},
	{"moved though fenced", homeDB,
		append(post("debit", "T-300", "late", "300", 8),
			strings.Replace(inboxRow("T-300", "late", "(SELECT origin FROM inbox LIMIT 1)"), "'succeeded', 'succeeded'", "'fenced', NULL", 1)),
		[]string{"I7"}, "T-300", "which is fenced"},

	{"an effect without its inbox row", homeDB,
		[]string{`DELETE FROM inbox WHERE saga = 'T-1'`},
		[]string{"I8"}, "T-1", "has no inbox row of it"},
	{"a refusal without its inbox row", homeDB,
		[]string{`DELETE FROM inbox WHERE saga = 'T-7'`},
		[]string{"I8"}, "T-7", "has no inbox row of it"},
	{"an inbox row without its effect", awayDB,
		[]string{`UPDATE inbox SET state = 'succeeded', outcome = 'succeeded' WHERE saga = 'T-8'`},
		[]string{"I8"}, "T-8", "there is no entry of it"},
	{"a reversal that the inbox does not know", homeDB,
		post("refund", "T-1", "debit", "31", 2),
		[]string{"I8", "I3", "I6"}, "T-1", "its entries say otherwise"},
	{"an undo without its reversal", homeDB,
		unpost("T-8", "refund"),
		[]string{"I8", "I3", "I6"}, "T-8", "its entries say otherwise"},
	{"the inbox says something else", orchestratorDB,
		[]string{step("T-7", `"rejected"`, `"fenced"`)},
		[]string{"I8"}, "T-7", "the inbox of bank HOME says rejected"},

	{"a command of a finished saga", orchestratorDB,
		[]string{`INSERT INTO outbox SELECT 'T-1/credit/forward', seq, subject, header, body, attempt, not_before, timeout FROM outbox LIMIT 1`},
		[]string{"I9"}, "T-1", "still to be sent"},
	{"a command of no saga", orchestratorDB,
		[]string{`INSERT INTO outbox SELECT 'GHOST/credit/forward', seq, subject, header, body, attempt, not_before, timeout FROM outbox LIMIT 1`},
		[]string{"I9"}, "GHOST", "the saga is unknown"},
	{"an inbox row of no saga", homeDB,
		[]string{fencedRow("GHOST", "debit")},
		[]string{"I9"}, "GHOST", "never accepted"},
	{"an inbox row of no step", homeDB,
		[]string{fencedRow("T-1", "tip")},
		[]string{"I9"}, "T-1", "did not ask"},
	{"an inbox row from another store", homeDB,
		[]string{`UPDATE inbox SET origin = 'another' WHERE saga = 'T-1'`},
		[]string{"I9"}, "T-1", "from store another"},
}

// post adds an entry after the last of its account, in the order that the bank itself keeps.
func post(kind, saga, step, account string, amount int) []string {
	sign, reverses := "", "NULL"
	switch kind {
	case "debit":
		sign = "-"
	case "refund":
		reverses = "'debit'"
	}
	return []string{
		fmt.Sprintf(`UPDATE accounts SET balance = balance + (%s%d), version = version + 1 WHERE account = '%s'`, sign, amount, account),
		fmt.Sprintf(`INSERT INTO entries (saga, step, kind, account, amount, balance, version, reverses, posted)
			SELECT '%s', '%s', '%s', account, %d, balance, version, %s, 0 FROM accounts WHERE account = '%s'`,
			saga, step, kind, amount, reverses, account),
	}
}

// unpost takes back the last entry of an account, which is this one.
func unpost(saga, kind string) []string {
	return []string{
		fmt.Sprintf(`UPDATE accounts SET balance = accounts.balance - e.change, version = accounts.version - 1 FROM entries e
			WHERE e.account = accounts.account AND e.saga = '%s' AND e.kind = '%s'`, saga, kind),
		fmt.Sprintf(`DELETE FROM entries WHERE saga = '%s' AND kind = '%s'`, saga, kind),
	}
}

func inboxRow(saga, step, origin string) string {
	return fmt.Sprintf(`INSERT INTO inbox (saga, step, origin, state, outcome, code, message, result, commit_number)
		SELECT '%s', '%s', %s, 'succeeded', 'succeeded', '', '', '{}', 1`, saga, step, origin)
}

func fencedRow(saga, step string) string {
	return strings.Replace(inboxRow(saga, step, "(SELECT origin FROM inbox LIMIT 1)"), "'succeeded', 'succeeded'", "'fenced', NULL", 1)
}

// TestMissingBank leaves out one bank's file: what it did cannot be judged, and its money is gone.
func TestMissingBank(t *testing.T) {
	dir := generate(t, 300)
	files, err := Sort(t.Context(), []string{filepath.Join(dir, orchestratorDB), filepath.Join(dir, homeDB)})
	if err != nil {
		t.Fatal(err)
	}
	r, err := Run(t.Context(), files)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := invariants(r), []string{"I3", "I8"}; !slices.Equal(got, want) {
		t.Errorf("invariants %v, want %v", got, want)
	}
	if !mentions(r, "I8", "T-1", "294 steps of finished transfers were asked of bank AWAY") {
		t.Errorf("violations: %v", r.Violations)
	}
}

// TestManyViolations lists a bounded number and counts the rest.
func TestManyViolations(t *testing.T) {
	dir := generate(t, 300)
	execute(t, filepath.Join(dir, homeDB), `DELETE FROM inbox`)
	r := audited(t, dir)
	if len(r.Violations) != maxPerInvariant || r.More == 0 {
		t.Errorf("%d violations and %d more", len(r.Violations), r.More)
	}
}

func invariants(r *Report) []string {
	var names []string
	for _, v := range r.Violations {
		if !slices.Contains(names, v.Invariant) {
			names = append(names, v.Invariant)
		}
	}
	slices.Sort(names)
	return names
}

func mentions(r *Report, invariant, saga, words string) bool {
	return slices.ContainsFunc(r.Violations, func(v Violation) bool {
		return v.Invariant == invariant && v.Saga == saga && strings.Contains(v.Detail, words)
	})
}

// execute runs SQL on a database that nobody owns at the moment, without any of its constraints.
func execute(t *testing.T, path string, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+path+"?_foreign_keys=off&_ignore_check_constraints=on")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	for _, s := range statements {
		res, err := db.ExecContext(t.Context(), s)
		if err != nil {
			t.Fatalf("%s: %v", s, err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			t.Fatalf("%s: %d rows, %v", s, n, err)
		}
	}
}

func copied(t *testing.T, dir string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}
