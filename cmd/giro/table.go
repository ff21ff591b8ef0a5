package main

import (
	"fmt"
	"io"
	"time"

	"github.com/girohq/giro/saga"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// grid is a table for people: boxed on a terminal, plain columns elsewhere.
type grid struct {
	table.Writer
}

// newGrid begins a table. Headings stay as they are written.
func (a *app) newGrid(headings ...any) grid {
	g := grid{table.NewWriter()}
	style := plainStyle
	if terminal(a.stdout) {
		style = table.StyleRounded
		style.Format.Header = text.FormatDefault
	}
	g.SetStyle(style)
	g.AppendHeader(headings)
	return g
}

// plainStyle has neither lines nor colours: columns two spaces apart.
var plainStyle = table.Style{
	Name:    "plain",
	Box:     table.BoxStyle{PaddingRight: "  "},
	Format:  table.FormatOptions{Header: text.FormatDefault},
	Options: table.OptionsNoBordersAndSeparators,
}

// row adds a line. Text that others wrote must have gone through printable.
func (g grid) row(cells ...any) { g.AppendRow(cells) }

// write renders the table, without blanks at the ends of plain lines.
func (g grid) write(w io.Writer) error {
	g.SuppressTrailingSpaces()
	_, err := fmt.Fprintln(w, g.Render())
	return err
}

// state shows a saga's state, in its colour where colours are shown.
func (a *app) state(s saga.State) string {
	colour, known := stateColours[s]
	if !known || !coloured(a.stdout) {
		return printable(string(s))
	}
	return colour.EscapeSeq() + string(s) + text.Reset.EscapeSeq()
}

var stateColours = map[saga.State]text.Color{
	saga.Running: text.FgBlue, saga.Compensating: text.FgYellow, saga.Suspended: text.FgRed,
	saga.Completed: text.FgGreen, saga.Compensated: text.FgMagenta, saga.Abandoned: text.FgHiBlack,
}

// moment shows a time to the millisecond, in UTC as everywhere.
func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.000Z") }

// cut shortens text for a column.
func cut(s string, most int) string {
	s = printable(s)
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return s
}
