package stage

import (
	"context"
	"path/filepath"

	"github.com/girohq/giro/participants"
	"github.com/girohq/giro/participants/ledger"
)

// Reads is what [Stage.Shows] checks, for what only comes true after a while.
func (s *Stage) Reads(participant, query string) string {
	s.Helper()
	file := participant + ".db"
	if s.bank(participant) {
		file = ledger.FileName(participant)
	}
	got, err := read(filepath.Join(s.dir, file), query)
	s.must(err)
	return got
}

// Writes changes what a participant has, from outside of any saga. A database has one owner, so the
// participant is halted for as long as it takes.
func (s *Stage) Writes(participant, statement string) {
	s.Helper()
	s.Halt(participant)
	for _, p := range s.cfg.Participants {
		if p.Name == participant {
			db, err := p.open(s.within(), s.dir)
			s.must(err)
			s.must(db.Write(s.within(), func(tx participants.Tx) error {
				_, err := tx.ExecContext(context.Background(), statement)
				return err
			}))
			s.must(db.Close())
		}
	}
	s.Resume(participant)
}
