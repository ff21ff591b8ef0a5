package embedded

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/girohq/giro/internal/audit"
	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/participants/ledger"
)

// TestAnotherDatabase: a bank that is started on another database than the one known serves nothing until a
// person decides. If all it ever answered is done again, it is as it was.
func TestAnotherDatabase(t *testing.T) {
	r := newRestoreRig(t)
	r.start()
	r.ready()
	r.transfer("one", 100)
	before := r.balances()
	r.stop()
	for _, end := range []string{"", "-wal", "-shm"} {
		r.must(os.Remove(filepath.Join(r.dir, ledger.FileName("B")+end)))
	}
	r.start()
	r.eventually("noticed", func() bool { return r.member("B").State == wire.MemberForeign })
	_, err := r.node.Orchestrator().Call(t.Context(), "resume", []byte(`{"participant":"B","reason":"a test"}`), nil)
	var problem *wire.Problem
	if !errors.As(err, &problem) || problem.Code != wire.CodeConflict {
		t.Errorf("its pause was resumed: %v", err)
	}
	if h := r.node.Health(); h.OK() || !strings.Contains(h.Checks["participants"], "B is quarantined") {
		t.Errorf("%+v", h)
	}
	var m wire.Member
	r.call(wire.VerbReplay, wire.RollRequest{Name: "B", Reason: "a test"}, &m)
	if !strings.Contains(m.Answer, "is done again") {
		t.Errorf("%+v", m)
	}
	r.ready()
	if after := r.balances(); after != before {
		t.Errorf("balances %s, and they were %s", after, before)
	}
	r.transfer("two", 40)
	r.stop()
	r.audit()
}

// TestALossThatCannotBeMended: what has another outcome when it is done again is told, and a person decides; the
// audit finds what that has left.
func TestALossThatCannotBeMended(t *testing.T) {
	r := newRestoreRig(t)
	r.start()
	r.ready()
	copied := r.copyOf(ledger.FileName("A"))
	r.transfer("one", 60)
	r.stop()
	db, err := sql.Open("sqlite3", copied)
	r.must(err)
	_, err = db.Exec(`UPDATE accounts SET balance = 0 WHERE account = '0'`) // nothing of it can be taken any more
	r.must(err)
	r.must(db.Close())
	r.restore(ledger.FileName("A"), copied)
	r.start()
	r.eventually("it waits for a person", func() bool { return r.member("A").State == wire.MemberDiffers })
	m := r.member("A")
	if len(m.Differ) == 0 || m.Differ[0].Got != "retry insufficient_funds" {
		t.Errorf("%+v", m)
	}
	r.stop()
	r.start() // it waits for a person still
	r.eventually("it says hello", func() bool { return r.log.say("no command is read yet") })
	if m := r.member("A"); m.State != wire.MemberDiffers {
		t.Errorf("%+v", m)
	}
	r.call(wire.VerbAccept, wire.RollRequest{Name: "A", Reason: "a test"}, &m)
	r.ready()
	r.transfer("two", 40)
	r.stop()
	files, err := audit.In(r.dir)
	r.must(err)
	report, err := audit.Run(t.Context(), files)
	r.must(err)
	if report.OK {
		t.Error("the audit finds nothing")
	}
}
