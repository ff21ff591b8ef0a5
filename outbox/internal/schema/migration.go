package schema

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

var (
	// ErrNewer: the database was written by a newer program. Run that program.
	ErrNewer = errors.New("outbox: database is newer than this program")

	// ErrMigrations: the numbered files of the program do not continue what the database has
	// applied. The program was built wrong, or the database belongs to another one.
	ErrMigrations = errors.New("outbox: migrations do not fit")
)

// Migration is one numbered file.
type Migration struct {
	Number int    // 1, 2, ...
	Name   string // of the file
	SQL    string
}

// Read reads the numbered files in order; nil files are none. fs.Glob sorts by name, and the digits
// are fixed in width, so the order of names is the order of numbers.
func Read(files fs.FS) ([]Migration, error) {
	if files == nil {
		return nil, nil
	}
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		return nil, err
	}
	var all []Migration
	for i, name := range names {
		digits, _, ok := strings.Cut(name, "_")
		number, err := strconv.ParseUint(digits, 10, 16)
		if !ok || err != nil || len(digits) != 4 || number != uint64(i+1) {
			return nil, fmt.Errorf("%w: %s found where %04d_*.sql was expected", ErrMigrations, name, i+1)
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		all = append(all, Migration{i + 1, name, string(text)})
	}
	return all, nil
}

// Missing is what of the known files the database lacks. What was applied must be their beginning.
func Missing(applied []string, known []Migration) ([]Migration, error) {
	for i, name := range applied {
		if i == len(known) {
			return nil, fmt.Errorf("%w: it has %s, which this program does not know", ErrNewer, name)
		}
		if known[i].Name != name {
			return nil, fmt.Errorf("%w: %s was applied where this program has %s", ErrMigrations, name, known[i].Name)
		}
	}
	return known[len(applied):], nil
}
