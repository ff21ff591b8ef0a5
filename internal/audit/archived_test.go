package audit

import (
	"database/sql"
	"path/filepath"
	"testing"
)

// archive does to the databases what the orchestrator does to sagas that ended long since.
func archive(t *testing.T, dir, which string) {
	t.Helper()
	execute(t, filepath.Join(dir, orchestratorDB),
		`INSERT INTO archived SELECT id, type, version, state, x'00112233445566778899aabbccddeeff', created, finished FROM sagas WHERE finished IS NOT NULL AND `+which,
		`DELETE FROM history WHERE saga IN (SELECT seq FROM sagas WHERE id IN (SELECT id FROM archived))`,
		`DELETE FROM sagas WHERE id IN (SELECT id FROM archived)`)
}

// TestArchived: sagas of which only the outcome is left are judged as well, and what is in order stays so.
func TestArchived(t *testing.T) {
	dir := generate(t, 300)
	before := audited(t, dir)
	archive(t, dir, `seq % 3 > 0`)
	after := audited(t, dir)
	if !after.OK {
		t.Fatal(after.Violations)
	}
	if after.Judged != before.Judged || after.Live != before.Live || after.InFlight[0] != before.InFlight[0] {
		t.Errorf("%+v, and it was %+v", after, before)
	}
	archive(t, dir, `seq < 300`)
	checkViolations(t, dir, archivedViolations)
}

var archivedViolations = []violation{
	{"completed, and undone", orchestratorDB,
		[]string{`UPDATE archived SET state = 'completed' WHERE id = 'T-8'`}, []string{"I6"}, "T-8", "was reversed"},
	{"compensated, and done", orchestratorDB,
		[]string{`UPDATE archived SET state = 'compensated' WHERE id = 'T-1'`}, []string{"I6"}, "T-1", "of bank AWAY stands"},
	{"completed, and never paid out", awayDB,
		append(unpost("T-1", "credit"), `DELETE FROM inbox WHERE saga = 'T-1'`), []string{"I6", "I3"}, "T-1", "has a credit of it"},
	{"completed, and never taken", homeDB,
		append(unpost("T-1", "debit"), `DELETE FROM inbox WHERE saga = 'T-1'`), []string{"I6", "I3"}, "T-1", "has a debit of it"},
	{"forgotten", orchestratorDB,
		[]string{`DELETE FROM archived WHERE id = 'T-7'`}, []string{"I9"}, "T-7", "never accepted"},
	{"a command of one that is archived", orchestratorDB,
		[]string{`INSERT INTO outbox SELECT 'T-1/debit/forward', 9999, subject, header, body, attempt, not_before, timeout FROM outbox LIMIT 1`},
		[]string{"I9"}, "T-1", "still to be sent"},
}

// TestArchivedMeanwhile: a saga that was accepted, ended and was archived since the snapshot is no stranger.
func TestArchivedMeanwhile(t *testing.T) {
	dir := generate(t, 300)
	files, err := In(dir)
	if err != nil {
		t.Fatal(err)
	}
	a := newAuditor()
	defer a.close()
	if err := a.openSagas(t.Context(), files.Orchestrator); err != nil {
		t.Fatal(err)
	}
	execute(t, files.Orchestrator, `INSERT INTO archived VALUES ('YOUNG', 'transfer', 1, 'completed', x'00', 1, 1)`)
	execute(t, filepath.Join(dir, homeDB), append(post("debit", "YOUNG", "debit", "31", 5), inboxRow("YOUNG", "debit", "(SELECT origin FROM inbox LIMIT 1)"))...)
	if err := a.openBanks(t.Context(), files.Banks); err != nil {
		t.Fatal(err)
	}
	if err := a.merge(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r := a.report(); !r.OK || r.Live != 4 {
		t.Errorf("%d live, %v", r.Live, r.Violations)
	}
}

// TestOlderOrchestrator: a database that only an older program has written has no archive, and is audited as it is.
func TestOlderOrchestrator(t *testing.T) {
	dir := generate(t, 300)
	db, err := sql.Open("sqlite3", filepath.Join(dir, orchestratorDB))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`DROP TABLE archived`); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if r := audited(t, dir); !r.OK || r.Judged != 297 {
		t.Errorf("%+v", r)
	}
}
