package participants_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing/fstest"

	"github.com/girohq/giro/participants"
	"github.com/girohq/giro/saga"
)

// A theatre that keeps a seat for a guest and sells it later: try, confirm and cancel. The confirm
// gets what the try recorded, so which seat is sold is never the command's to say.
func ExampleHandleConfirm() {
	ctx := context.Background()
	dir, _ := os.MkdirTemp("", "theatre")
	defer os.RemoveAll(dir)
	db, err := participants.Open(ctx, filepath.Join(dir, "theatre.db"), fstest.MapFS{"0001_seats.sql": {Data: []byte(
		`CREATE TABLE seats (seat INTEGER PRIMARY KEY, state TEXT); INSERT INTO seats VALUES (1, 'free')`)}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()

	theatre, _ := participants.New(participants.Config{Name: "theatre", DB: db})
	participants.Handle(theatre, "keep", func(ctx context.Context, tx participants.Tx, _ guest) (kept, error) {
		return kept{Seat: 1}, mark(ctx, tx, 1, "kept")
	})
	participants.HandleConfirm(theatre, "sell", func(ctx context.Context, tx participants.Tx, _ guest, k kept) (kept, error) {
		return k, mark(ctx, tx, k.Seat, "sold")
	})
	participants.HandleUndo(theatre, "free", func(ctx context.Context, tx participants.Tx, _ guest, k kept) (kept, error) {
		return k, mark(ctx, tx, k.Seat, "free")
	})

	say := func(step, action string, kind saga.Kind, d saga.Direction) {
		r, _ := theatre.Apply(ctx, saga.Command{SagaID: "evening", Step: step, Kind: kind, Direction: d, Known: saga.KnownUnknown, Attempt: 1,
			Participant: "theatre", Action: action, Body: []byte(`{"name":"Ada"}`)}, "origin")
		fmt.Println(action, r.Outcome, r.Code+string(r.Body))
	}
	say("seat.confirm", "sell", saga.Pivot, saga.Forward) // nothing was kept
	say("seat.try", "keep", saga.Compensatable, saga.Forward)
	say("seat.confirm", "sell", saga.Pivot, saga.Forward)
	say("seat.confirm", "sell", saga.Pivot, saga.Forward) // a duplicate
	// Output:
	// sell conflict try_missing
	// keep succeeded {"seat":1}
	// sell succeeded {"seat":1}
	// sell succeeded {"seat":1}
}

type guest struct{ Name string }

type kept struct {
	Seat int64 `json:"seat"`
}

func mark(ctx context.Context, tx participants.Tx, seat int64, state string) error {
	_, err := tx.ExecContext(ctx, `UPDATE seats SET state = ? WHERE seat = ?`, state, seat)
	return err
}
