package ledger

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
)

// maxBadLines bounds what is told about one file.
const maxBadLines = 50

// BadLines is the error of a CSV file: what is wrong, line by line, as FILE:LINE: what is wrong.
type BadLines struct {
	Lines []string // the first 50
	More  int      // bad lines beyond these
}

// Error is one bad line in each line of text.
func (e *BadLines) Error() string {
	text := strings.Join(e.Lines, "\n")
	if e.More > 0 {
		text += fmt.Sprintf("\nand %d more", e.More)
	}
	return text
}

// lines reads the rows of a CSV file below a header that must be exact, and collects what is
// wrong with them instead of stopping at the first.
type lines struct {
	name string
	csv  *csv.Reader
	bad  BadLines
	seen map[string]int // key of a row -> its line
}

func newLines(name string, r io.Reader) *lines {
	in := bufio.NewReader(r)
	if mark, err := in.Peek(3); err == nil && string(mark) == "\xef\xbb\xbf" {
		in.Discard(3) // a byte order mark, as spreadsheets write it; Peek has shown that it is there
	}
	c := csv.NewReader(in)
	c.FieldsPerRecord = -1 // told below, with line and number
	c.ReuseRecord = true
	return &lines{name: name, csv: c, seen: map[string]int{}}
}

// read hands each row of the right length to row, which returns what is wrong with it.
func (l *lines) read(header string, row func(fields []string, line int) []error) error {
	first, err := l.csv.Read()
	switch {
	case err != nil && !errors.Is(err, io.EOF) && !isParseError(err):
		return fmt.Errorf("%s: %w", l.name, err)
	case err != nil || strings.Join(first, ",") != header:
		l.complain(1, fmt.Errorf("the header must be %s", header))
		return &l.bad // what the columns mean is not known
	}
	want := strings.Count(header, ",") + 1
	for {
		fields, err := l.csv.Read()
		if errors.Is(err, io.EOF) {
			return l.result()
		}
		if err := l.one(fields, err, want, row); err != nil {
			return err
		}
	}
}

func (l *lines) one(fields []string, err error, want int, row func([]string, int) []error) error {
	var syntax *csv.ParseError
	if errors.As(err, &syntax) {
		l.complain(syntax.Line, syntax.Err)
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s: %w", l.name, err)
	}
	line, _ := l.csv.FieldPos(0)
	if len(fields) != want {
		l.complain(line, fmt.Errorf("has %d fields, not %d", len(fields), want))
		return nil
	}
	for _, wrong := range row(fields, line) {
		l.complain(line, wrong)
	}
	return nil
}

// once complains when a key stands in the file a second time.
func (l *lines) once(key, what string, line int) error {
	if first, again := l.seen[key]; again {
		return fmt.Errorf("%s stands in line %d already", what, first)
	}
	l.seen[key] = line
	return nil
}

func (l *lines) complain(line int, wrong error) {
	if len(l.bad.Lines) == maxBadLines {
		l.bad.More++
		return
	}
	l.bad.Lines = append(l.bad.Lines, fmt.Sprintf("%s:%d: %s", l.name, line, wrong))
}

func (l *lines) result() error {
	if len(l.bad.Lines) == 0 {
		return nil
	}
	return &l.bad
}

func isParseError(err error) bool {
	var syntax *csv.ParseError
	return errors.As(err, &syntax)
}
