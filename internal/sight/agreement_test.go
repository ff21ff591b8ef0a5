package sight_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/girohq/giro/embedded"
	"github.com/girohq/giro/internal/audit"
	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/participants/ledger"
	"github.com/girohq/giro/races"
	"github.com/girohq/giro/saga"
	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	rounds   = 60        // of one transfer that is started twice, a refused one, and a fenced one in three
	later    = time.Hour // than the undos that come first
	tooMuch  = 5000_00
	wipeEach = 25
)

// TestAgreement torments a node: every command and reply arrives twice, the broker's streams are deleted
// under it, undos overtake their commands, keys are used again. What /metrics says then is what the
// databases say, which the audit has found right; and it moves while this goes on.
func TestAgreement(t *testing.T) {
	w := newWorld(t)
	w.echo("saga.command.>")
	w.echo("saga.reply.>")
	before := w.scrape()
	fenced := 0
	for n := range rounds {
		w.round(n, &fenced)
		if n%wipeEach == wipeEach-1 {
			w.wipe()
		}
		if n == rounds/2 {
			moves(t, before, w.scrape())
		}
	}
	w.jump(2 * later)
	started := 2*rounds + fenced
	last := w.eventually("every saga has ended", func(s scrape) bool {
		return s.sum("giro_sagas_ended_total") == float64(started) && s.sum("giro_outbox_rows") == 0 && s.sum("giro_consumer_lag", `part="giro"`) == 0
	})
	w.documented(last)
	w.end()
	w.agree(last, fenced)
}

// round starts a transfer three times, once of these with another input; one that the bank refuses; and
// now and then one whose undo comes first.
func (w *world) round(n int, fenced *int) {
	w.Helper()
	id := "T-" + strconv.Itoa(n)
	for _, try := range []struct{ amount, want int }{{1, http.StatusAccepted}, {1, 0}, {2, http.StatusUnprocessableEntity}} {
		if got := w.post(id, try.amount); got != try.want && try.want != 0 {
			w.Fatalf("%s: %d, want %d", id, got, try.want)
		}
	}
	if got := w.post("R-"+strconv.Itoa(n), tooMuch); got != http.StatusAccepted {
		w.Fatalf("R-%d: %d", n, got)
	}
	if n%3 == 0 {
		*fenced++
		w.overtake("F-"+strconv.Itoa(n), *fenced)
	}
}

// overtake accepts a saga that begins later, and sends the undo of its first step before: the nth fence.
func (w *world) overtake(id string, nth int) {
	w.Helper()
	input := []byte(`{"from":{"bank":"A","account":"1"},"to":{"bank":"B","account":"1"},"amount":1,"currency":"EUR"}`)
	_, err := w.node.Orchestrator().Start(w.ctx, "transfer", input, nats.Header{
		wire.HeaderID: {id}, wire.HeaderStartAt: {time.Now().Add(later).Format(time.RFC3339Nano)}})
	w.must(err)
	commands, err := w.js.Stream(w.ctx, w.names.Commands())
	w.must(err)
	subject, header := wire.EncodeCommand(w.names, saga.Command{SagaID: id, SagaType: "transfer", Step: "debit", Kind: saga.Compensatable,
		Direction: saga.Backward, Known: saga.KnownUnknown, Attempt: 1, Participant: "A", Action: "refund", Key: "1"},
		commands.CachedInfo().Config.Metadata[wire.MetaOrigin])
	header[wire.HeaderAttempt] = []string{"1"}
	_, err = w.js.PublishMsg(w.ctx, &nats.Msg{Subject: subject, Header: header, Data: []byte(`{"account":"1","amount":1,"currency":"EUR"}`)})
	w.must(err)
	w.eventually(id+" is fenced", func(s scrape) bool {
		return s.sum("giro_races_total", race(races.FenceSet)) == float64(nth)
	})
}

// wipe deletes the streams that carry, and waits until they are there again and read: two losses in which nobody has
// read are one.
func (w *world) wipe() {
	w.Helper()
	read := w.scrape().sum("giro_stream_incarnations_total", `part="giro"`)
	for _, name := range []string{w.names.Commands(), w.names.Replies()} {
		w.must(w.js.DeleteStream(w.ctx, name))
	}
	for _, name := range []string{w.names.Commands(), w.names.Replies()} {
		w.eventually(name+" is back", func(scrape) bool {
			_, err := w.js.Stream(w.ctx, name)
			return err == nil
		})
	}
	w.eventually("the replies are read again", func(s scrape) bool {
		return s.sum("giro_stream_incarnations_total", `part="giro"`) == read+1
	})
}

func race(k races.Kind) string { return fmt.Sprintf("race=%q", k.Name()) }

// provoked are the races that the torment provokes.
var provoked = []races.Kind{races.DuplicateCommand, races.LateReply, races.FenceSet, races.OutOfOrder,
	races.StartDeduplicated, races.StartConflict, races.IdempotentReplay, races.IdempotencyConflict}

func moves(t *testing.T, before, now scrape) {
	t.Helper()
	for _, k := range provoked {
		if now.sum("giro_races_total", race(k)) <= before.sum("giro_races_total", race(k)) {
			t.Errorf("%s has not moved", k.Name())
		}
	}
}

// agree compares the last scrape with the databases.
func (w *world) agree(s scrape, fenced int) {
	w.Helper()
	files, err := audit.In(w.dir)
	w.must(err)
	report, err := audit.Run(w.ctx, files)
	w.must(err)
	if !report.OK || report.Live != 0 {
		w.Errorf("audit: %+v", report)
	}
	same := func(what string, got float64, want int) {
		w.Helper()
		if int(got) != want {
			w.Errorf("%s: the metrics say %v, the databases %d", what, got, want)
		}
	}
	sagas := filepath.Join(w.dir, embedded.OrchestratorFile)
	same("started", s.sum("giro_sagas_started_total", `type="transfer"`), report.Judged)
	for _, state := range []saga.State{saga.Completed, saga.Compensated, saga.Abandoned} {
		same(string(state), s.sum("giro_sagas_ended_total", fmt.Sprintf("state=%q", state)),
			w.number(sagas, `SELECT count(*) FROM sagas WHERE state = ?`, state))
	}
	same("saga latencies", s.sum("giro_saga_seconds_count"), report.Judged)
	same("suspended", s.sum("giro_sagas_suspended_total"), w.number(sagas, `SELECT count(*) FROM history WHERE event LIKE '%suspended%'`))
	same("operations", s.sum("giro_step_seconds_count"), w.number(sagas, `SELECT count(*) FROM history WHERE kind = 'replied' AND outcome IN ('succeeded', 'rejected', 'fenced')`))
	rows, fences := 0, 0
	for _, bank := range []string{"A", "B"} {
		file := filepath.Join(w.dir, ledger.FileName(bank))
		rows += w.number(file, `SELECT count(*) FROM inbox`)
		fences += w.number(file, `SELECT count(*) FROM inbox WHERE state = 'fenced'`)
	}
	same("fences", s.sum("giro_races_total", race(races.FenceSet)), fences)
	same("fences of this test", float64(fenced), fences)
	same("undos that overtook", s.sum("giro_races_total", race(races.OutOfOrder), `part="giro-A"`), fences)
	same("conflicts", s.sum("giro_answers_total", `outcome="conflict"`), 0)
	same("idempotent replays", s.sum("giro_races_total", race(races.IdempotentReplay)), rounds)
	same("idempotency conflicts", s.sum("giro_races_total", race(races.IdempotencyConflict)), rounds)
	same("starts deduplicated", s.sum("giro_races_total", race(races.StartDeduplicated)), rounds)
	same("starts refused", s.sum("giro_races_total", race(races.StartConflict)), rounds)
	same("streams lost", s.sum("giro_stream_incarnations_total", `part="giro"`), rounds/wipeEach)
	if n := s.sum("giro_races_total", race(races.DuplicateCommand)); n < float64(rows)/2 {
		w.Errorf("%v duplicates of %d operations, of which each came twice", n, rows)
	}
	if n := s.sum("giro_races_total", race(races.FenceRefused)); n < float64(fences) {
		w.Errorf("%v refused by %d fences", n, fences)
	}
}

// number asks a database of the node, which has ended.
func (w *world) number(file, query string, args ...any) int {
	w.Helper()
	db, err := outbox.OpenReadOnly(file)
	w.must(err)
	defer db.Close()
	var n int
	w.must(db.GetContext(w.ctx, &n, query, args...))
	return n
}
