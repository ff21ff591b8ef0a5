package audit

import (
	"github.com/go-json-experiment/json"

	"github.com/girohq/giro/saga"
)

// sagaRow is a saga as the orchestrator has it. Steps are read of terminal sagas only: the others
// are not judged.
type sagaRow struct {
	id    string
	typ   string
	state saga.State
	steps []sagaStep
	order *order // of a transfer
	ended bool   // it has a time of finishing
	wrong error  // the row cannot be read

	archived bool     // its steps are not known any more
	content  *content // of its start, if it was asked for
}

// sagaStep is what the audit needs to know of [saga.Step].
type sagaStep struct {
	ID          string         `json:"id"`
	Run         int            `json:"run"`
	State       saga.StepState `json:"state"`
	Participant string         `json:"to"`
	ByHand      string         `json:"by_hand"` // a person did it, or undid it: why
	Open        bool           `json:"open"`    // settled by force
}

// order is the input of a transfer.
type order struct {
	From     place  `json:"from"`
	To       place  `json:"to"`
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
}

type place struct {
	Bank    string `json:"bank"`
	Account string `json:"account"`
}

const typeTransfer = "transfer"

const (
	wholeSagas = `SELECT id, type, state, finished IS NOT NULL, input, data, NULL AS content FROM sagas`
	allSagas   = wholeSagas + ` UNION ALL SELECT id, type, state, 1, NULL, NULL, content FROM archived`
)

// readSagas yields every saga in the order of ids, with the contents of those that are wanted. A database that only
// an older program has written has none that are archived.
func readSagas(s source, archives bool, wanted func(id string) bool, yield func(sagaRow) error) error {
	query := wholeSagas
	if archives {
		query = allSagas
	}
	return s.each(func(c *cursor) error {
		r := decodeSaga(c)
		switch {
		case !wanted(r.id):
		case r.archived && len(c.blob(6)) == len(content{}):
			sum := content(c.blob(6))
			r.content = &sum
		default:
			if sum, err := contentOf(r.typ, c.blob(4)); err == nil {
				r.content = &sum
			}
		}
		return yield(r)
	}, query+` ORDER BY id`)
}

func decodeSaga(c *cursor) sagaRow {
	r := sagaRow{id: c.text(0), typ: c.text(1), state: saga.State(c.text(2)), ended: c.number(3) == 1, archived: c.row[6] != nil}
	if !r.state.Terminal() || r.archived {
		return r
	}
	var data struct {
		Steps []sagaStep `json:"steps"`
	}
	if r.wrong = json.Unmarshal(c.blob(5), &data); r.wrong != nil {
		return r
	}
	r.steps = data.Steps
	if r.typ == typeTransfer {
		r.order = &order{}
		r.wrong = json.Unmarshal(c.blob(4), r.order)
	}
	return r
}

// The orchestrator's promises about its own rows. In its transactions a saga and its commands
// change together, so they hold at every instant.
const (
	// A command or a timer must be out for a saga under way, or it must wait for something by name: a
	// signal, a child, or its parent. Else nothing ever moves it again.
	stuckSagas = `SELECT id, state FROM sagas s WHERE finished IS NULL AND state IN ('running', 'compensating') AND timer IS NULL
		AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.key > s.id || '/' AND o.key < s.id || '0')
		AND NOT (json_valid(CAST(data AS TEXT)) AND (
			json_extract(CAST(data AS TEXT), '$.parent') IS NOT NULL AND json_extract(CAST(data AS TEXT), '$.output') IS NOT NULL
			OR EXISTS (SELECT 1 FROM json_each(CAST(s.data AS TEXT), '$.steps') j
				WHERE json_extract(j.value, '$.state') IN ('running', 'compensating') AND json_extract(j.value, '$.to') IS NULL
				AND coalesce(json_extract(j.value, '$.key'), json_extract(j.value, '$.child')) IS NOT NULL)))`
	// A row that cannot be read is suspended without being read; then the history says why. One that
	// is being abandoned waits for what is out to be fenced.
	causelessSagas = `SELECT id, state FROM sagas s WHERE state = 'suspended' AND finished IS NULL
		AND NOT EXISTS (SELECT 1 FROM history h WHERE h.saga = s.seq AND h.kind = 'unreadable')
		AND (NOT json_valid(CAST(data AS TEXT)) OR coalesce(json_extract(CAST(data AS TEXT), '$.trouble.kind'), '') = ''
			AND coalesce(json_extract(CAST(data AS TEXT), '$.resume'), '') <> 'abandoned')`
	strayCommands = `SELECT o.key, substr(o.key, 1, instr(o.key, '/') - 1), coalesce(s.state, 'unknown')
		FROM outbox o LEFT JOIN sagas s ON s.id = substr(o.key, 1, instr(o.key, '/') - 1)
		WHERE s.id IS NULL OR s.finished IS NOT NULL`
)

func judgeOwnRows(s source, f *findings) error {
	for _, check := range []struct{ query, detail string }{
		{stuckSagas, "%s, and neither a command nor a timer is out for it"},
		{causelessSagas, "%s without a cause"},
	} {
		err := s.each(func(c *cursor) error {
			f.add("I2", c.text(0), check.detail, c.text(1))
			return nil
		}, check.query)
		if err != nil {
			return err
		}
	}
	return s.each(func(c *cursor) error {
		f.add("I9", c.text(1), "command %s is still to be sent, the saga is %s", c.text(0), c.text(2))
		return nil
	}, strayCommands)
}
