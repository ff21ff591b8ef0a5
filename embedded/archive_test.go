package embedded

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/girohq/giro/internal/audit"
	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/participants/ledger"
)

// TestArchivedTransfers: with real banks, what is archived is not done twice, and the audit judges it. A bank's copy from
// before is not replayed.
func TestArchivedTransfers(t *testing.T) {
	const transfers = 100
	r := newRestoreRig(t)
	r.cfg.Keep = 10 * time.Millisecond
	r.start()
	r.ready()
	copied := r.copyOf(ledger.FileName("A"))
	r.transfer("one", transfers)
	r.eventually("archived", func() bool { return r.archived() >= transfers-2 })
	before := r.balances()
	r.transfer("one", transfers)
	if after := r.balances(); after != before {
		t.Errorf("balances %s, and they were %s", after, before)
	}
	r.stop()
	files, err := audit.In(r.dir)
	r.must(err)
	report, err := audit.Run(t.Context(), files)
	r.must(err)
	if !report.OK || report.Judged != transfers {
		t.Errorf("%+v", report)
	}
	r.restore(ledger.FileName("A"), copied)
	r.start()
	r.eventually("it waits for a person", func() bool { return r.member("A").State == wire.MemberTooOld })
	r.stop()
}

// archived counts what is left of sagas.
func (r *restoreRig) archived() (n int) {
	r.Helper()
	db, err := outbox.OpenReadOnly(filepath.Join(r.dir, OrchestratorFile))
	r.must(err)
	defer db.Close()
	r.must(db.Get(&n, `SELECT count(*) FROM archived`))
	return n
}
