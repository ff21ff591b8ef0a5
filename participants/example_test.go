package participants_test

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing/fstest"

	"github.com/girohq/giro/participants"
	"github.com/girohq/giro/saga"
)

// A hotel with one room, as one saga after another sees it. Its table and the answers to its
// commands are in one file, so that a repeated command is answered and not done again. Here the
// commands are given by hand; with a Config.Conn, Run reads them from NATS.
func Example() {
	ctx := context.Background()
	dir, _ := os.MkdirTemp("", "hotel")
	defer os.RemoveAll(dir)
	db, err := participants.Open(ctx, filepath.Join(dir, "hotel.db"), hotelTables)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()

	hotel, _ := participants.New(participants.Config{Name: "hotel", DB: db})
	participants.Handle(hotel, "book", book)
	participants.HandleUndo(hotel, "cancel", cancel)

	say := func(trip string, d saga.Direction, action string) {
		r, _ := hotel.Apply(ctx, saga.Command{SagaID: trip, Step: "room", Direction: d, Known: saga.KnownUnknown, Attempt: 1,
			Participant: "hotel", Action: action, Body: []byte(`{"guest":"Ada"}`)}, "origin")
		fmt.Println(trip, action, r.Outcome, r.Code+string(r.Body))
	}
	say("trip-1", saga.Forward, "book")
	say("trip-1", saga.Forward, "book") // a duplicate
	say("trip-2", saga.Forward, "book")
	say("trip-1", saga.Backward, "cancel")
	say("trip-3", saga.Backward, "cancel") // overtakes its command
	say("trip-3", saga.Forward, "book")
	// Output:
	// trip-1 book succeeded {"room":1}
	// trip-1 book succeeded {"room":1}
	// trip-2 book rejected full
	// trip-1 cancel succeeded {}
	// trip-3 cancel succeeded {}
	// trip-3 book fenced fenced
}

var hotelTables fs.FS = fstest.MapFS{"0001_rooms.sql": {Data: []byte(
	`CREATE TABLE rooms (room INTEGER PRIMARY KEY, guest TEXT); INSERT INTO rooms VALUES (1, NULL)`)}}

type booking struct{ Guest string }

type room struct {
	Room int64 `json:"room"`
}

func book(ctx context.Context, tx participants.Tx, b booking) (room, error) {
	res, err := tx.ExecContext(ctx, `UPDATE rooms SET guest = ? WHERE guest IS NULL`, b.Guest)
	if err != nil {
		return room{}, err
	}
	if n, _ := res.RowsAffected(); n == 0 {
		return room{}, participants.Reject("full", "no room for %s", b.Guest)
	}
	return room{Room: 1}, nil
}

func cancel(ctx context.Context, tx participants.Tx, _ booking, booked room) (struct{}, error) {
	_, err := tx.ExecContext(ctx, `UPDATE rooms SET guest = NULL WHERE room = ?`, booked.Room)
	return struct{}{}, err
}
