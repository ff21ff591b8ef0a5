package batch

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"sort"

	"github.com/girohq/giro/participants/ledger"
)

// Batch is a checked file of transfers, and the banks and accounts that it needs.
type Batch struct {
	file      string
	transfers []ledger.Transfer
	branches  []ledger.Branch
}

// Read reads a file of transfers and, unless its name is "", one of accounts. What is wrong with
// their lines comes as [*BadFiles]; another error is that of reading.
func Read(transfers, accounts string) (*Batch, error) {
	b := &Batch{file: transfers}
	var opened []ledger.BankAccount
	var bad BadFiles
	err := bad.collect(readFile(transfers, func(r io.Reader) (err error) {
		b.transfers, err = ledger.ReadTransfers(transfers, r)
		return err
	}))
	if accounts != "" {
		err = errors.Join(err, bad.collect(readFile(accounts, func(r io.Reader) (err error) {
			opened, err = ledger.ReadAccounts(accounts, r)
			return err
		})))
	}
	switch {
	case err != nil:
		return nil, err
	case len(bad.Files) > 0:
		return nil, &bad
	}
	if b.branches, err = ledger.Plan(b.transfers, opened); err != nil {
		return nil, b.contradiction(err)
	}
	return b, nil
}

// contradiction finds the first line that does not fit with those above it: each is fine alone.
func (b *Batch) contradiction(cause error) error {
	at := sort.Search(len(b.transfers)-1, func(i int) bool {
		_, err := ledger.Plan(b.transfers[:i+1], nil)
		return err != nil
	})
	id := b.transfers[at].ID
	lines, err := b.lines(map[string]bool{id: true})
	if err != nil {
		return errors.Join(cause, err)
	}
	return &BadFiles{[]*ledger.BadLines{{Lines: []string{fmt.Sprintf("%s:%d: %v", b.file, lines[id], cause)}}}}
}

// collect keeps what is wrong with lines, and returns any other error.
func (e *BadFiles) collect(err error) error {
	var lines *ledger.BadLines
	if errors.As(err, &lines) {
		e.Files = append(e.Files, lines)
		return nil
	}
	return err
}

func readFile(name string, read func(io.Reader) error) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close() // it was only read
	return read(f)
}

// Transfers is how many transfers the file has.
func (b *Batch) Transfers() int { return len(b.transfers) }

// lines finds the lines of ids in the file, which is read again: they are needed for errors only.
func (b *Batch) lines(ids map[string]bool) (map[string]int, error) {
	lines := make(map[string]int, len(ids))
	err := readFile(b.file, func(r io.Reader) error {
		c := csv.NewReader(r)
		for {
			fields, err := c.Read()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return fmt.Errorf("%s: %w", b.file, err)
			}
			if ids[fields[0]] {
				lines[fields[0]], _ = c.FieldPos(0)
			}
		}
	})
	return lines, err
}
