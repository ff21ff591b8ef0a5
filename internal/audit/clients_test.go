package audit

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/girohq/giro/internal/witness"
	"github.com/girohq/giro/saga"
)

// TestTold holds what an audit says of what clients were told, and when it has nothing to say. T-1 is
// completed, T-7 compensated, T-300 under way; it makes no difference whether the first two are archived.
func TestTold(t *testing.T) {
	whole := generate(t, 300)
	dirs := map[string]string{"whole": whole, "archived": archivedCopy(t, whole)}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	second := func(n int) time.Time { return at.Add(time.Duration(n) * time.Second) }
	line := func(n int, op, id, answer string, state saga.State) witness.Line {
		return witness.Line{Client: "c", Op: op, Saga: id, Type: "transfer", Input: inputOf(t, id), Answer: answer, State: state,
			Asked: second(n), Told: second(n).Add(time.Second / 2)}
	}
	start := func(n int, id, answer string, state saga.State) witness.Line {
		return line(n, "start", id, answer, state)
	}
	get := func(n int, id, answer string, state saga.State) witness.Line {
		return line(n, "get", id, answer, state)
	}
	other := func(l witness.Line) witness.Line {
		l.Input = json.RawMessage(`{"amount":1}`)
		return l
	}
	for name, tt := range map[string]struct {
		lines []witness.Line
		want  []string
	}{
		"all is well": {[]witness.Line{
			start(1, "T-1", "accepted", saga.Running), get(2, "T-1", "state", saga.Completed), start(3, "T-1", "accepted", saga.Completed),
			other(start(4, "T-1", "conflict", "")), get(1, "T-300", "not_found", ""), start(2, "T-300", "accepted", saga.Running),
			start(1, "NEVER", "unknown", ""), get(2, "NEVER", "not_found", ""), start(1, "T-7", "unavailable", ""),
		}, nil},
		"accepted, and not there":         {[]witness.Line{start(1, "GONE", "accepted", saga.Running)}, []string{"I1"}},
		"seen, and not there":             {[]witness.Line{get(1, "GONE", "state", saga.Running)}, []string{"I1"}},
		"another input was accepted":      {[]witness.Line{other(start(1, "T-1", "accepted", saga.Running))}, []string{"I10"}},
		"two inputs were accepted":        {[]witness.Line{start(1, "T-1", "accepted", saga.Running), other(start(2, "T-1", "accepted", saga.Running))}, []string{"I10"}},
		"the same input was refused":      {[]witness.Line{start(1, "T-300", "conflict", "")}, []string{"I10"}},
		"another type was accepted":       {[]witness.Line{func() witness.Line { l := start(1, "T-1", "accepted", ""); l.Type = "gift"; return l }()}, []string{"I10"}},
		"it ended otherwise":              {[]witness.Line{get(1, "T-1", "state", saga.Compensated)}, []string{"I12"}},
		"it has not ended":                {[]witness.Line{get(1, "T-300", "state", saga.Completed)}, []string{"I12"}},
		"two ends":                        {[]witness.Line{get(1, "T-1", "state", saga.Completed), get(2, "T-1", "state", saga.Compensated)}, []string{"I12"}},
		"an end that is taken back":       {[]witness.Line{get(1, "T-1", "state", saga.Completed), get(2, "T-1", "state", saga.Running)}, []string{"I12"}},
		"the same in another log's order": {[]witness.Line{get(2, "T-1", "state", saga.Running), get(1, "T-1", "state", saga.Completed)}, []string{"I12"}},
		"asked before the end was told": {[]witness.Line{get(1, "T-1", "state", saga.Completed),
			func() witness.Line { l := get(1, "T-1", "state", saga.Running); l.Told = second(9); return l }()}, nil},
		"there, and then not":      {[]witness.Line{start(1, "T-1", "accepted", saga.Running), get(2, "T-1", "not_found", "")}, []string{"I12"}},
		"gone, and told to be so":  {[]witness.Line{start(1, "GONE", "accepted", saga.Running), get(2, "GONE", "not_found", "")}, []string{"I1", "I12"}},
		"the end of one not there": {[]witness.Line{get(1, "GONE", "state", saga.Completed)}, []string{"I1"}},
	} {
		for how, dir := range dirs {
			t.Run(name+", "+how, func(t *testing.T) {
				r := auditedWith(t, dir, logOf(t, tt.lines))
				if got := invariants(r); !slices.Equal(got, slices.Sorted(slices.Values(tt.want))) {
					t.Errorf("invariants %v, want %v\n%v", got, tt.want, r.Violations)
				}
				if r.Told != len(tt.lines) {
					t.Errorf("%d answers were read, there are %d", r.Told, len(tt.lines))
				}
			})
		}
	}
}

// archivedCopy is a copy of the databases with T-1 and T-7 archived.
func archivedCopy(t *testing.T, dir string) string {
	t.Helper()
	dir = copied(t, dir)
	contents := make(map[string]content)
	for _, id := range []string{"T-1", "T-7"} {
		sum, err := contentOf("transfer", inputOf(t, id))
		if err != nil {
			t.Fatal(err)
		}
		contents[id] = sum
	}
	archive(t, dir, `id IN ('T-1', 'T-7')`)
	for id, sum := range contents {
		execute(t, filepath.Join(dir, orchestratorDB), fmt.Sprintf(`UPDATE archived SET content = x'%x' WHERE id = '%s'`, sum, id))
	}
	return dir
}

// TestToldLater holds that what a client was told after the snapshot is looked up.
func TestToldLater(t *testing.T) {
	dir := generate(t, 300)
	files, err := In(dir)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	young := witness.Line{Op: "start", Saga: "YOUNG", Type: "transfer", Input: inputOf(t, "T-1"), Answer: "accepted", State: saga.Running, Asked: now, Told: now}
	ended := witness.Line{Op: "get", Saga: "T-300", Answer: "state", State: saga.Completed, Asked: now, Told: now}
	a := newAuditor()
	defer a.close()
	if err := errors.Join(a.readClients(t.Context(), []string{logOf(t, []witness.Line{young, ended})}), a.openSagas(t.Context(), files.Orchestrator)); err != nil {
		t.Fatal(err)
	}
	execute(t, files.Orchestrator,
		`INSERT INTO sagas (id, type, version, state, revision, created, updated, input, data)
			SELECT 'YOUNG', type, version, 'running', 1, 0, 0, input, data FROM sagas WHERE id = 'T-300'`,
		`UPDATE sagas SET state = 'completed', finished = 1 WHERE id = 'T-300'`)
	if err := errors.Join(a.openBanks(t.Context(), files.Banks), a.merge(t.Context()), a.judgeUnmet(t.Context())); err != nil {
		t.Fatal(err)
	}
	if r := a.report(); !r.OK {
		t.Errorf("violations: %v", r.Violations)
	}
}

// TestNotALog holds that a file that is no log is told by its name and line.
func TestNotALog(t *testing.T) {
	files, err := In(generate(t, 10))
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"{\"op\":\"get\"}\n", "{\"saga\":\"T-1\",\"op\":\"start\",\"answer\":\"accepted\",\"input\":{}}\n{\n"} {
		files.Clients = []string{filepath.Join(t.TempDir(), "clients.jsonl")}
		if err := os.WriteFile(files.Clients[0], []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Run(t.Context(), files); !errors.Is(err, witness.ErrLine) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestPositions holds that the money of a bank is told apart: T-298 to T-300 have taken 299 to 301.
func TestPositions(t *testing.T) {
	r := audited(t, generate(t, 300))
	flying := int64(299 + 300 + 301)
	for _, p := range r.Banks {
		want := int64(0)
		if p.Bank == "HOME" {
			want = flying
		}
		if p.InFlight != want || p.Settled != p.Balance+want {
			t.Errorf("%+v, want %d in flight", p, want)
		}
	}
}

func auditedWith(t *testing.T, dir string, logs ...string) *Report {
	t.Helper()
	files, err := In(dir)
	if err != nil {
		t.Fatal(err)
	}
	files.Clients = logs
	r, err := Run(t.Context(), files)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func logOf(t *testing.T, lines []witness.Line) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "clients.jsonl")
	log, err := witness.Create(path)
	for _, line := range lines {
		err = errors.Join(err, log.Write(line))
	}
	if err := errors.Join(err, log.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

// inputOf is what a generated transfer was started with, in another spelling.
func inputOf(t *testing.T, id string) json.RawMessage {
	t.Helper()
	var n int
	if _, err := fmt.Sscanf(id, "T-%d", &n); err != nil {
		return json.RawMessage("{}")
	}
	return json.RawMessage(fmt.Sprintf(`{ "currency":"EUR", "amount":%d, "to":{"account":"%d","bank":"AWAY"},"from":{"bank":"HOME","account":"%d"} }`,
		1+n%500, n*17%1000, n*31%1000))
}
