package audit

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"
)

// withHolds adds five sagas to the databases of 300 transfers. Four held 70 on an account of HOME:
// H-1 captured it, H-2 was cancelled, H-3 is under way, H-4 came too late and was expired. H-5 is
// under way too and has announced 70, which are on no account yet.
func withHolds(t *testing.T) (dir string) {
	dir = generate(t, 300)
	execute(t, filepath.Join(dir, orchestratorDB),
		purchase("H-1", "completed", "succeeded", "succeeded"), purchase("H-2", "compensated", "compensated", "fenced"),
		purchase("H-3", "running", "succeeded", "running"), purchase("H-4", "compensated", "compensated", "rejected"),
		purchase("H-5", "running", "succeeded", "running"),
		`UPDATE sagas SET finished = NULL, timer = 1 WHERE state = 'running' AND type = 'purchase'`)
	var home []string
	home = append(home, held("H-1", "601", "captured", "'hold.confirm'"), inboxOf("H-1", "hold.try", "succeeded"), inboxOf("H-1", "hold.confirm", "succeeded"))
	home = append(home, post("debit", "H-1", "hold.confirm", "601", 70)...)
	home = append(home, held("H-2", "602", "released", "NULL"), inboxOf("H-2", "hold.try", "undone"), inboxOf("H-2", "hold.confirm", "fenced"))
	home = append(home, held("H-3", "603", "held", "NULL"), inboxOf("H-3", "hold.try", "succeeded"), heldBy("603", "+ 70"))
	home = append(home, held("H-4", "604", "expired", "NULL"), inboxOf("H-4", "hold.try", "undone"), inboxOf("H-4", "hold.confirm", "rejected"))
	home = append(home, held("H-5", "605", "held", "NULL"), inboxOf("H-5", "hold.try", "succeeded"),
		`UPDATE holds SET direction = 'in' WHERE saga = 'H-5'`)
	execute(t, filepath.Join(dir, homeDB), home...)
	return dir
}

func purchase(id, state, try, confirm string) string {
	return fmt.Sprintf(`INSERT INTO sagas (id, type, version, state, revision, created, updated, finished, input, data)
		SELECT '%s', 'purchase', 1, '%s', 3, 1, 1, 1, x'7b7d', CAST('{"steps":[{"id":"hold.try","state":"%s","to":"HOME"},`+
		`{"id":"hold.confirm","state":"%s","to":"HOME"}]}' AS BLOB)`, id, state, try, confirm)
}

func held(id, account, state, confirm string) string {
	return fmt.Sprintf(`INSERT INTO holds (saga, step, direction, account, amount, state, confirm, expires, expiry, placed, settled)
		VALUES ('%s', 'hold.try', 'out', '%s', 70, '%s', %s, 1, 'release', 0, iif('%[3]s' = 'held', NULL, 0))`, id, account, state, confirm)
}

func heldBy(account, change string) string {
	return fmt.Sprintf(`UPDATE accounts SET held = held %s WHERE account = '%s'`, change, account)
}

func inboxOf(id, step, state string) string {
	return fmt.Sprintf(`INSERT INTO inbox (saga, step, origin, state, outcome, code, message, result, undo_result, commit_number)
		SELECT '%s', '%s', origin, '%s', CASE '%[3]s' WHEN 'undone' THEN 'succeeded' WHEN 'fenced' THEN NULL ELSE '%[3]s' END,
			'', '', '{}', iif('%[3]s' = 'undone', '{}', NULL), 1 FROM inbox LIMIT 1`, id, step, state)
}

// TestHolds finds nothing wrong with holds in every state, and tells what is held.
func TestHolds(t *testing.T) {
	r := audited(t, withHolds(t))
	if !r.OK {
		t.Fatalf("violations: %v", r.Violations)
	}
	if home := slices.IndexFunc(r.Banks, func(p Position) bool { return p.Bank == "HOME" }); r.Banks[home].Held != 70 {
		t.Errorf("banks: %v", r.Banks)
	}
}

// TestBankWithoutHolds reads a bank as the version before holds left it.
func TestBankWithoutHolds(t *testing.T) {
	dir := generate(t, 300)
	for _, file := range []string{homeDB, awayDB} {
		execute(t, filepath.Join(dir, file), `UPDATE accounts SET held = 0`, `DROP TABLE holds`)
	}
	if r := audited(t, dir); !r.OK || r.Judged != 297 {
		t.Errorf("%d judged, violations: %v", r.Judged, r.Violations)
	}
}

func TestHoldViolations(t *testing.T) {
	checkViolations(t, withHolds(t), holdViolations)
}

var holdViolations = []violation{
	{"more held than its holds", homeDB,
		[]string{heldBy("603", "+ 1")},
		[]string{"I3"}, "", "account 603 of bank HOME holds 71, its open holds add up to 70"},
	{"less held than its holds", homeDB,
		[]string{heldBy("603", "- 70")},
		[]string{"I3"}, "", "account 603 of bank HOME holds 0"},
	{"held without a hold", homeDB,
		[]string{heldBy("5", "+ 1")},
		[]string{"I3"}, "", "account 5 of bank HOME holds 1, its open holds add up to 0"},
	{"a hold is gone", homeDB,
		[]string{`DELETE FROM holds WHERE saga = 'H-3'`},
		[]string{"I8", "I3"}, "H-3", "there is no entry of it"},
	{"a hold on no account", homeDB,
		[]string{`UPDATE holds SET account = 'none' WHERE saga = 'H-3'`},
		[]string{"I3"}, "H-3", "which does not exist"},

	{"captured another amount", homeDB,
		[]string{`UPDATE holds SET amount = 71 WHERE saga = 'H-1'`},
		[]string{"I5"}, "H-1", "has made a debit of 70"},
	{"captured another account", homeDB,
		[]string{`UPDATE holds SET account = '5' WHERE saga = 'H-1'`},
		[]string{"I5"}, "H-1", "held 70 on account 5"},
	{"captured the wrong way", homeDB,
		[]string{`UPDATE holds SET direction = 'in' WHERE saga = 'H-1'`},
		[]string{"I5"}, "H-1", "a debit of 70"},
	{"captured twice", homeDB,
		append(post("debit", "H-1", "hold.confirm~1", "601", 70), inboxOf("H-1", "hold.confirm~1", "succeeded")),
		[]string{"I5", "I6"}, "H-1", "step hold.confirm~1, which has captured no hold"},
	{"captured after it expired", homeDB,
		append(post("debit", "H-4", "hold.confirm", "604", 70),
			`UPDATE inbox SET state = 'succeeded', outcome = 'succeeded' WHERE saga = 'H-4' AND step = 'hold.confirm'`),
		[]string{"I5", "I3", "I6", "I8"}, "H-4", "captured no hold"},
	{"a try that moves", homeDB,
		post("debit", "H-3", "hold.try", "603", 70),
		[]string{"I5"}, "H-3", "has moved account 603"},

	{"completed and still held", homeDB,
		[]string{`UPDATE holds SET state = 'held', confirm = NULL WHERE saga = 'H-1'`, heldBy("601", "+ 70")},
		[]string{"I6", "I5"}, "H-1", "completed, and bank HOME still holds 70 on account 601"},
	{"compensated and still held", homeDB,
		[]string{`UPDATE holds SET state = 'held' WHERE saga = 'H-2'`, heldBy("602", "+ 70")},
		[]string{"I6", "I8"}, "H-2", "compensated, and bank HOME still holds 70 on account 602"},
	{"compensated and captured", orchestratorDB,
		[]string{`UPDATE sagas SET state = 'compensated' WHERE id = 'H-1'`},
		[]string{"I6", "I3"}, "H-1", "compensated, and the hold of step hold.try on account 601 of bank HOME was captured"},
	{"completed and released", orchestratorDB,
		[]string{`UPDATE sagas SET state = 'completed' WHERE id = 'H-2'`},
		[]string{"I6"}, "H-2", "completed, and the hold of step hold.try on account 602 of bank HOME was released"},
	{"held for nobody", homeDB,
		[]string{held("GHOST", "5", "held", "NULL"), heldBy("5", "+ 70"), inboxOf("GHOST", "hold.try", "succeeded")},
		[]string{"I6"}, "GHOST", "held money on account 5 for a saga that was never accepted"},
	{"held under a step nobody asked for", homeDB,
		[]string{held("T-1", "5", "expired", "NULL"), inboxOf("T-1", "hold.try", "succeeded")},
		[]string{"I6"}, "T-1", "held money on account 5 under step hold.try, which the saga did not ask"},

	{"held though refused", homeDB,
		[]string{`UPDATE inbox SET state = 'rejected', outcome = 'rejected' WHERE saga = 'H-3'`},
		[]string{"I7"}, "H-3", "which is rejected"},
	{"held though fenced", homeDB,
		[]string{`UPDATE inbox SET state = 'fenced', outcome = NULL WHERE saga = 'H-3'`},
		[]string{"I7"}, "H-3", "which is fenced"},

	{"a hold without its inbox row", homeDB,
		[]string{`DELETE FROM inbox WHERE saga = 'H-3'`},
		[]string{"I8"}, "H-3", "has no inbox row of it"},
	{"captured without its entry", homeDB,
		unpost("H-1", "debit"),
		[]string{"I8"}, "H-1", `was captured by step "hold.confirm", and there is no entry of it`},
	{"cancelled and still held", homeDB,
		[]string{`UPDATE inbox SET state = 'undone', undo_result = '{}' WHERE saga = 'H-3'`},
		[]string{"I8"}, "H-3", "its hold is held"},
	{"released and not cancelled", homeDB,
		[]string{`UPDATE holds SET state = 'released' WHERE saga = 'H-3'`, heldBy("603", "- 70")},
		[]string{"I8"}, "H-3", "its hold is released"},
}
