package torture

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/participants/ledger"
)

// RarePath is how often a run came where a run seldom comes. A run that has never been there has shown
// nothing about it (I15).
type RarePath struct {
	Name    string `json:"name"`
	Reached int    `json:"reached"`
	fault   string // brings a run there; where it fired, 0 makes the run void
	rows    string // of a bank's inbox that were there
}

var rarePaths = []RarePath{
	{Name: "an undo or an inquiry before its command", fault: "late-command", rows: `state = 'fenced'`},
	{Name: "a command after its undo", fault: "late-command", rows: `state = 'fenced' AND forward_hash IS NOT NULL AND backward_hash IS NOT NULL`},
	{Name: "an undo of nothing", rows: `state = 'undone' AND outcome = 'rejected'`},
	{Name: "an undo of an effect", rows: `state = 'undone' AND outcome = 'succeeded'`},
}

// reached counts the rare paths in the databases of the banks.
func (s *system) reached(ctx context.Context) ([]RarePath, error) {
	paths := append([]RarePath(nil), rarePaths...)
	for i := range s.banks {
		db, err := outbox.OpenReadOnly(filepath.Join(s.data(), ledger.FileName(bankName(i))))
		if err != nil {
			return nil, err
		}
		for p := range paths {
			var n int
			err = errors.Join(err, db.GetContext(ctx, &n, `SELECT COUNT(*) FROM inbox WHERE `+paths[p].rows))
			paths[p].Reached += n
		}
		if err := errors.Join(err, db.Close()); err != nil {
			return nil, err
		}
	}
	return paths, nil
}
