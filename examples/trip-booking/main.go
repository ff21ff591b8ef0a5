// Command trip-booking is everybody who takes part in a trip: hotels, flights and cars, which can be
// cancelled, the card company, which decides, and the desk, which prints the tickets.
package main

import (
	"context"
	"database/sql"
	"embed"
	"errors"

	"github.com/girohq/giro/examples/internal/stage"
	"github.com/girohq/giro/participants"
)

//go:embed offers cards desk
var tables embed.FS

var everybody = []stage.Participant{
	{Name: "hotels", Tables: tables, Folder: "offers", Register: rents},
	{Name: "flights", Tables: tables, Folder: "offers", Register: rents},
	{Name: "cars", Tables: tables, Folder: "offers", Register: rents},
	{Name: "cards", Tables: tables, Folder: "cards", Register: func(p *participants.Participant) { participants.Handle(p, "charge", charge) }},
	{Name: "desk", Tables: tables, Folder: "desk", Register: func(p *participants.Participant) { participants.Handle(p, "print", printTicket) }},
}

func main() { stage.Main(everybody...) }

func rents(p *participants.Participant) {
	participants.Handle(p, "book", book)
	participants.HandleUndo(p, "cancel", cancel)
}

type order struct {
	Offer string `json:"offer"`
}

type booked struct {
	Booking int64 `json:"booking"`
}

func book(ctx context.Context, tx participants.Tx, o order) (b booked, err error) {
	left := 0
	err = tx.GetContext(ctx, &left, `UPDATE offers SET free = free - 1 WHERE offer = ? AND free > 0 RETURNING free`, o.Offer)
	if errors.Is(err, sql.ErrNoRows) {
		return b, participants.Reject("sold_out", "there is no %s left", o.Offer)
	}
	if err != nil {
		return b, err
	}
	err = tx.GetContext(ctx, &b.Booking, `INSERT INTO bookings (offer, trip) VALUES (?, ?) RETURNING booking`,
		o.Offer, participants.CommandFrom(ctx).SagaID)
	return b, err
}

// cancel is told which booking it was.
func cancel(ctx context.Context, tx participants.Tx, o order, b booked) (struct{}, error) {
	_, err := tx.ExecContext(ctx, `DELETE FROM bookings WHERE booking = ?`, b.Booking)
	if err != nil {
		return struct{}{}, err
	}
	_, err = tx.ExecContext(ctx, `UPDATE offers SET free = free + 1 WHERE offer = ?`, o.Offer)
	return struct{}{}, err
}

type payment struct {
	Card  string `json:"card"`
	Cents int64  `json:"cents"`
}

func charge(ctx context.Context, tx participants.Tx, p payment) (struct{}, error) {
	left := 0
	err := tx.GetContext(ctx, &left, `UPDATE cards SET cents = cents - ?1 WHERE card = ?2 AND cents >= ?1 RETURNING cents`, p.Cents, p.Card)
	if errors.Is(err, sql.ErrNoRows) {
		err = participants.Reject("declined", "card %s does not have %d", p.Card, p.Cents)
	}
	return struct{}{}, err
}

type journey struct {
	Name   string `json:"name"`
	Hotel  int64  `json:"hotel"`
	Flight int64  `json:"flight"`
}

type ticket struct {
	Ticket int64 `json:"ticket"`
}

func printTicket(ctx context.Context, tx participants.Tx, j journey) (t ticket, err error) {
	err = tx.GetContext(ctx, &t.Ticket, `INSERT INTO tickets (name, hotel, flight) VALUES (?, ?, ?) RETURNING ticket`, j.Name, j.Hotel, j.Flight)
	return t, err
}
