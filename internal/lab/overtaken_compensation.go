package lab

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/girohq/giro/participants"
	"github.com/girohq/giro/saga"
)

func overtakenCompensation() Experiment {
	both := []Database{SQLite, Postgres}
	return Experiment{
		Name:      "overtaken-compensation",
		Sentence:  "The undo of a step arrives before its command, finds nothing to undo, and then the command is done.",
		Operation: "a booking and its undo, of which either comes first, or both at once",
		Anomaly:   "a booking that stands although it was undone",
		Techniques: []Technique{
			{Name: None, On: both, Prepare: booked(bookPlain, unbookPlain),
				Sentence: "The command inserts, the undo deletes, and neither knows of the other."},
			{Name: "unique", Kind: "constraint", On: both, Prepare: booked(bookOnce, unbookOnce),
				Sentence: "The booking has a key and keeps its row when it is undone: each is done once at most, and an undo that comes first still finds nothing."},
			{Name: "tombstone", Kind: "constraint", Claims: true, On: both, Prepare: booked(bookOnce, unbookFirst),
				Sentence: "An undo that finds nothing inserts the row as undone, and the command finds its key taken."},
			{Name: "barrier", Kind: "compensation", Claims: true, On: both, Prepare: bookedByParticipant,
				Sentence: "A participant of Giro: the undo fences the step in the inbox, in the transaction in which the command would have to run. Its commits are synced."},
		},
	}
}

const bookingTables = `CREATE TABLE bookings (saga BIGINT PRIMARY KEY, seat BIGINT NOT NULL, undone BIGINT NOT NULL DEFAULT 0)`

// The statements take the saga and the seat.
const (
	bookPlain = `INSERT INTO bookings (saga, seat) VALUES ($1, $2)`
	bookOnce  = bookPlain + ` ON CONFLICT DO NOTHING`

	unbookPlain = `DELETE FROM bookings WHERE saga = $1 AND seat = $2`
	unbookOnce  = `UPDATE bookings SET undone = 1 WHERE saga = $1 AND seat = $2`
	unbookFirst = `INSERT INTO bookings (saga, seat, undone) VALUES ($1, $2, 1) ON CONFLICT (saga) DO UPDATE SET undone = 1`

	countBookings = `SELECT count(*) FROM bookings WHERE undone = 0`
)

// booked is done by two statements. Each is a transaction of its own.
func booked(book, unbook string) preparation {
	return func(ctx context.Context, w *World, on Database, load Load) (*Trial, error) {
		db, err := w.Open(ctx, on, load.conns(on), bookingTables)
		if err != nil {
			return nil, err
		}
		t := &Trial{Met: &Met{}, Close: db.Close}
		t.Do = func(ctx context.Context, _, n int) error {
			one := func(statement string) func() error {
				return func() error {
					done, err := changed(db.ExecContext(ctx, statement, n, n%load.Keys))
					if err == nil && !done {
						t.Met.Conflicts.Add(1) // nothing to undo, or the key is taken
					}
					return err
				}
			}
			return inSomeOrder(load.draw(n), one(book), one(unbook))
		}
		t.Anomalies = func(ctx context.Context) (standing int, err error) {
			err = db.QueryRowContext(ctx, countBookings).Scan(&standing)
			return standing, err
		}
		return t, nil
	}
}

// inSomeOrder does one after the other, or the other way round, or both at once.
func inSomeOrder(r *rand.Rand, do, undo func() error) error {
	first, second := do, undo
	switch r.IntN(3) {
	case 0:
		first, second = undo, do
	case 1:
		undone := make(chan error, 1)
		go func() { undone <- undo() }()
		return errors.Join(do(), <-undone)
	}
	if err := first(); err != nil {
		return err
	}
	return second()
}

// booking is the argument of a participant's book and unbook.
type booking struct {
	Saga int `json:"saga"`
	Seat int `json:"seat"`
}

func bookedByParticipant(ctx context.Context, w *World, on Database, load Load) (*Trial, error) {
	s, err := newStation(ctx, w, on, bookingTables, func(p *participants.Participant) {
		participants.Handle(p, "book", func(ctx context.Context, tx participants.Tx, b booking) (struct{}, error) {
			_, err := tx.ExecContext(ctx, bookPlain, b.Saga, b.Seat)
			return struct{}{}, err
		})
		participants.HandleUndo(p, "unbook", func(ctx context.Context, tx participants.Tx, b booking, _ struct{}) (struct{}, error) {
			_, err := tx.ExecContext(ctx, unbookPlain, b.Saga, b.Seat)
			return struct{}{}, err
		})
	})
	if err != nil {
		return nil, err
	}
	t := &Trial{Met: &Met{}, Close: s.close}
	t.Do = func(ctx context.Context, _, n int) error {
		book := saga.Command{SagaID: fmt.Sprint("s", n), Step: "book", Action: "book", Direction: saga.Forward,
			Body: fmt.Appendf(nil, `{"saga":%d,"seat":%d}`, n, n%load.Keys)}
		unbook := book
		unbook.Action, unbook.Direction, unbook.Known = "unbook", saga.Backward, saga.KnownUnknown
		return inSomeOrder(load.draw(n), func() error {
			r, err := s.send(ctx, n%load.Keys, book)
			switch {
			case err == nil && r.Outcome == saga.Fenced:
				t.Met.Conflicts.Add(1)
			case err == nil && r.Outcome != saga.Succeeded:
				err = unexpected(r)
			}
			return err
		}, func() error { return s.ask(ctx, n%load.Keys, unbook) })
	}
	t.Anomalies = func(ctx context.Context) (int, error) { return s.number(ctx, countBookings) }
	return t, nil
}
