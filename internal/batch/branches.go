package batch

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/girohq/giro/participants/ledger"
	"github.com/girohq/giro/saga"
)

// WithExisting adds to the planned banks those whose files are in a data directory already:
// sagas under way may still need them.
func WithExisting(dir string, planned []ledger.Branch) ([]ledger.Branch, error) {
	all := append([]ledger.Branch(nil), planned...)
	seen := make(map[string]bool, len(planned))
	for _, p := range planned {
		seen[p.Bank] = true
	}
	files, err := namesIn(dir)
	if err != nil {
		return nil, fmt.Errorf("look for banks: %w", err)
	}
	for _, name := range files {
		if bank, ok := bankOf(name); ok && !seen[bank] {
			all = append(all, ledger.Branch{Bank: bank})
		}
	}
	return all, nil
}

// bankOf is the bank that a file belongs to.
func bankOf(file string) (string, bool) {
	prefix, suffix, _ := strings.Cut(ledger.FileName("*"), "*")
	bank, begins := strings.CutPrefix(file, prefix)
	bank, ends := strings.CutSuffix(bank, suffix)
	return bank, begins && ends && saga.IsID(bank)
}

// namesIn lists a directory; one that does not exist has nothing in it.
func namesIn(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names, nil
}
