package audit

import (
	"path/filepath"
	"testing"
)

// TestAPersonAnswersForIt: what a person did by hand, or settled by force, is no violation; what was
// settled by force is reported.
func TestAPersonAnswersForIt(t *testing.T) {
	whole := generate(t, 300)
	// The inbox of the credit says what the orchestrator does not.
	const fenced = `UPDATE inbox SET state = 'fenced', outcome = NULL WHERE saga = 'T-1' AND step = 'credit'`
	for _, c := range []struct {
		mark string
		open int
		ok   bool
	}{
		{`'$.steps[1].state', 'succeeded'`, 0, false},
		{`'$.steps[1].by_hand', 'by phone'`, 0, true},
		{`'$.steps[1].open', json('true')`, 1, true},
	} {
		dir := copied(t, whole)
		execute(t, filepath.Join(dir, awayDB), fenced)
		execute(t, filepath.Join(dir, orchestratorDB), `UPDATE sagas SET data = CAST(json_set(CAST(data AS TEXT), `+c.mark+`) AS BLOB) WHERE id = 'T-1'`)
		r := audited(t, dir)
		i8 := 0
		for _, v := range r.Violations {
			if v.Invariant == "I8" && v.Saga == "T-1" {
				i8++
			}
		}
		if (i8 == 0) != c.ok || len(r.Open) != c.open {
			t.Errorf("%s: %v, open %v", c.mark, r.Violations, r.Open)
		}
	}
}

// TestWaitingByName: a saga without a command and without a timer is stuck, unless it waits for
// something by name.
func TestWaitingByName(t *testing.T) {
	whole := generate(t, 300)
	for data, stuck := range map[string]bool{
		`{"steps":[{"id":"a","state":"running","to":"HOME","key":"1"}]}`:                     true,
		`{"steps":[{"id":"a","state":"succeeded"},{"id":"b","state":"pending"}]}`:            true,
		`{"steps":[{"id":"a","state":"running","key":"approved"}]}`:                          false,
		`{"steps":[{"id":"a","state":"running","child":"c"}]}`:                               false,
		`{"steps":[{"id":"a","state":"compensating","child":"c"}]}`:                          false,
		`{"steps":[{"id":"a","state":"succeeded"}],"parent":{"id":"p","step":"s"}}`:          true,
		`{"steps":[{"id":"a","state":"succeeded"}],"parent":{"id":"p"},"output":{"room":1}}`: false,
	} {
		dir := copied(t, whole)
		execute(t, filepath.Join(dir, orchestratorDB), `DELETE FROM outbox`, `UPDATE sagas SET timer = NULL, data = CAST('`+data+`' AS BLOB) WHERE id = 'T-300'`)
		found := false
		for _, v := range audited(t, dir).Violations {
			found = found || v.Saga == "T-300"
		}
		if found != stuck {
			t.Errorf("%s: stuck is %v", data, found)
		}
	}
}

// TestAPersonAnswersForWhatNeverCame: a step that was settled by force while its bank was away, or done by
// hand, is no violation though the bank knows nothing of it.
func TestAPersonAnswersForWhatNeverCame(t *testing.T) {
	whole := generate(t, 300)
	for mark, ok := range map[string]bool{
		`'$.steps[1].state', 'succeeded'`:  false,
		`'$.steps[1].open', json('true')`:  true,
		`'$.steps[1].by_hand', 'by phone'`: true,
	} {
		dir := copied(t, whole)
		execute(t, filepath.Join(dir, awayDB), `DELETE FROM entries WHERE saga = 'T-1' AND step = 'credit'`, `DELETE FROM inbox WHERE saga = 'T-1' AND step = 'credit'`)
		execute(t, filepath.Join(dir, orchestratorDB), `UPDATE sagas SET data = CAST(json_set(CAST(data AS TEXT), `+mark+`) AS BLOB) WHERE id = 'T-1'`)
		found := false
		for _, v := range audited(t, dir).Violations {
			found = found || v.Saga == "T-1" && (v.Invariant == "I6" || v.Invariant == "I8")
		}
		if found == ok {
			t.Errorf("%s: a violation is %v", mark, found)
		}
	}
}
