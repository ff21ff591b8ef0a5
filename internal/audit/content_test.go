package audit

import (
	"path/filepath"
	"slices"
	"testing"
)

// TestContent holds what is unusual and in order: races that the barrier allows, sagas that wait
// for a person, sagas that are no transfers.
func TestContent(t *testing.T) {
	whole := generate(t, 300)
	for _, c := range []struct {
		name    string
		changes map[string][]string // file -> SQL
		flight  InFlight
	}{
		{name: "the late answer to a forward came before that to its undo",
			changes: map[string][]string{orchestratorDB: {step("T-8", `"compensated"`, `"fenced"`)}}},
		{name: "undone without knowing that it was refused",
			changes: map[string][]string{homeDB: {`UPDATE inbox SET state = 'undone', undo_result = '{}' WHERE saga = 'T-7'`}}},
		{name: "fenced and never run",
			changes: map[string][]string{
				homeDB:         {`UPDATE inbox SET state = 'fenced', outcome = NULL WHERE saga = 'T-7'`},
				orchestratorDB: {step("T-7", `"rejected"`, `"fenced"`)}}},
		{name: "undone as unknown and never run",
			changes: map[string][]string{
				homeDB:         {`UPDATE inbox SET state = 'fenced', outcome = NULL WHERE saga = 'T-7'`},
				orchestratorDB: {step("T-7", `"rejected"`, `"compensated"`)}}},
		{name: "suspended with a cause",
			changes: map[string][]string{orchestratorDB: {
				`UPDATE sagas SET state = 'suspended', data = CAST(replace(CAST(data AS TEXT), '"steps"', '"trouble":{"step":"credit","kind":"exhausted"},"steps"') AS BLOB) WHERE id = 'T-300'`}}},
		{name: "suspended because it cannot be read",
			changes: map[string][]string{orchestratorDB: {
				`UPDATE sagas SET state = 'suspended', data = CAST('{' AS BLOB) WHERE id = 'T-300'`,
				`INSERT INTO history (saga, at, kind) SELECT seq, 0, 'unreadable' FROM sagas WHERE id = 'T-300'`}}},
		{name: "abandoned while its debit stands: that money is nowhere",
			changes: map[string][]string{
				homeDB:         append(unpost("T-8", "refund"), `UPDATE inbox SET state = 'closed' WHERE saga = 'T-8'`),
				orchestratorDB: {`UPDATE sagas SET state = 'abandoned' WHERE id = 'T-8'`}},
			flight: InFlight{Currency: "EUR", Amount: 9, Sagas: 1}},
		{name: "a saga of another type, which only pays out",
			changes: map[string][]string{
				awayDB: append(unpost("T-1", "credit"), `DELETE FROM inbox WHERE saga = 'T-1'`),
				orchestratorDB: {`UPDATE sagas SET type = 'order', data = CAST('{"steps":[{"id":"debit","state":"succeeded","to":"HOME"},` +
					`{"id":"ship","state":"succeeded","to":"warehouse"}]}' AS BLOB) WHERE id = 'T-1'`}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := copied(t, whole)
			flight := audited(t, dir).InFlight
			for file, statements := range c.changes {
				execute(t, filepath.Join(dir, file), statements...)
			}
			r := audited(t, dir)
			if !r.OK {
				t.Errorf("violations: %v", r.Violations)
			}
			flight[0].Amount += c.flight.Amount
			flight[0].Sagas += c.flight.Sagas
			if !slices.Equal(r.InFlight, flight) {
				t.Errorf("in flight %v, want %v", r.InFlight, flight)
			}
		})
	}
}

// step changes the state of a step in a saga's row.
func step(saga, from, to string) string {
	return `UPDATE sagas SET data = CAST(replace(CAST(data AS TEXT), '` + from + `', '` + to + `') AS BLOB) WHERE id = '` + saga + `'`
}
