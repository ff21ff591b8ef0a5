package client_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"

	"github.com/girohq/giro/client"
	"github.com/girohq/giro/saga"
)

// refused are starts that no orchestrator takes, each for its reason. R-other is taken before.
var refused = []struct {
	id, sagaType, code string
	input              any
}{
	{"R-type", "unheard-of", client.CodeNotFound, pays(1)},
	{"R-schema", "transfer", client.CodeInvalid, map[string]any{"amount": "no"}},
	{"R-other", "transfer", client.CodeConflict, pays(2)},
}

// placeRefused takes the id R-other, and places the refused starts.
func placeRefused(t *testing.T, c *client.Client, db *sql.DB) {
	t.Helper()
	ctx := within(t)
	if _, err := c.Start(ctx, "transfer", "R-other", pays(1)); err != nil {
		t.Fatal(err)
	}
	inTx(t, db, func(tx *sql.Tx) error {
		var errs []error
		for _, r := range refused {
			errs = append(errs, placeOrder(ctx, tx, r.id, r.sagaType, r.input, client.WithLane("one")))
		}
		return errors.Join(append(errs, placeOrder(ctx, tx, "R-good", "transfer", pays(1), client.WithLane("one")))...)
	})
}

// What the caller writes when it is told, and that the row is gone, commit together, once; what is
// behind in the lane goes on.
func TestRefusalsAreTold(t *testing.T) {
	n, _ := startNodeOn(t, t.TempDir(), "")
	c, db := clientOf(t, connect(t, n)), newShop(t)
	placeRefused(t, c, db)
	calls := map[string]int{}
	runStarter(t, client.StarterConfig{Client: c, DB: db, Refused: func(ctx context.Context, tx client.Tx, r client.Refusal) (client.Verdict, error) {
		calls[r.ID]++
		if _, err := tx.ExecContext(ctx, `UPDATE orders SET note = note || ? WHERE id = ?`, r.Problem.Code, r.ID); err != nil {
			return client.Park, err
		}
		if r.Type == "" || len(r.Input) == 0 || r.Lane != "one" || r.Problem.Detail == "" {
			t.Errorf("%+v", r)
		}
		switch calls[r.ID] {
		case 1:
			return client.Discard, errors.New("not now") // nothing stands
		case 2:
			panic("nor now")
		}
		return client.Discard, nil
	}})
	if doc := appears(t, c, "R-good"); doc.State != saga.Completed {
		t.Errorf("%+v", doc)
	}
	becomes(t, db, 0, `SELECT count(*) FROM giro_starts`)
	for _, r := range refused {
		var note string
		if err := db.QueryRow(`SELECT note FROM orders WHERE id = ?`, r.id).Scan(&note); err != nil || note != r.code {
			t.Errorf("%s: note %q, %v", r.id, note, err)
		}
	}
}

// Without anyone to tell, refused starts are parked with their reason; a corrected one replaces them.
func TestRefusalsAreParked(t *testing.T) {
	n, _ := startNodeOn(t, t.TempDir(), "")
	c, db := clientOf(t, connect(t, n)), newShop(t)
	placeRefused(t, c, db)
	_, stop := runStarter(t, client.StarterConfig{Client: c, DB: db})
	becomes(t, db, 3, parked)
	becomes(t, db, 0, waiting)
	for _, r := range refused {
		var code string
		if err := db.QueryRow(`SELECT refused ->> 'code' FROM giro_starts WHERE id = ?`, r.id).Scan(&code); err != nil || code != r.code {
			t.Errorf("%s: code %q, %v", r.id, code, err)
		}
	}
	stop() // a restart leaves them parked
	runStarter(t, client.StarterConfig{Client: c, DB: db})
	inTx(t, db, func(tx *sql.Tx) error { return placeOrder(t.Context(), tx, "R-schema", "transfer", pays(3)) })
	if doc := appears(t, c, "R-schema"); doc.State != saga.Completed {
		t.Errorf("%+v", doc)
	}
	becomes(t, db, 2, `SELECT count(*) FROM giro_starts`)
}
