package torture

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/girohq/giro/internal/farm"
	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/participants/ledger"
)

// restoredFaults put databases back. That of the orchestrator is not among them: what was accepted since the
// copy is lost with it, until its senders repeat it, and customers of a torture were told that it is there.
var restoredFaults = []Fault{
	{Name: "restore-bank", Takes: 5 * time.Second, Strike: restoreBank,
		Sentence: "a bank is put back to a copy of its database that is 1 to 3 seconds old; it must be noticed before it serves"},
}

// noticedWithin bounds the time until a restored bank serves again.
const noticedWithin = 30 * time.Second

func restoreBank(ctx context.Context, s *system, rng *rand.Rand) (string, error) {
	i := rng.IntN(len(s.banks))
	bank, file := s.banks[i], filepath.Join(s.data(), ledger.FileName(bankName(i)))
	if err := up(bank); err != nil {
		return bank.Name, err
	}
	old := filepath.Join(s.dir, "bank-copy.db")
	bank.Kill()
	if err := errors.Join(os.RemoveAll(old+"-wal"), copyDatabase(file, old), bank.Start()); err != nil {
		return bank.Name, err
	}
	age := time.Second + time.Duration(rng.IntN(2000))*time.Millisecond
	detail := fmt.Sprintf("%s, %s old", bank.Name, age)
	if !rest(ctx, age) {
		return detail, ctx.Err()
	}
	bank.Kill()
	had, noticed := s.heard(ctx, bankName(i)), s.noticed(bank)
	err := errors.Join(os.RemoveAll(file+"-wal"), os.RemoveAll(file+"-shm"), copyDatabase(old, file))
	has, counted := s.commits(ctx, bankName(i))
	if err = errors.Join(err, counted, bank.Start()); err != nil {
		return detail, err
	}
	if has >= had {
		return detail, fmt.Errorf("nothing was heard of %s that its copy has not: %w", bank.Name, errNotFired)
	}
	detail += fmt.Sprintf(", with %d commits of %d", has, had)
	limited, cancel := context.WithTimeout(ctx, noticedWithin)
	defer cancel()
	for s.noticed(bank) == noticed {
		if !rest(limited, 50*time.Millisecond) {
			return detail, errors.Join(ctx.Err(), &Violation{Invariant: restored, Detail: detail + ": nobody noticed"})
		}
	}
	return detail, nil
}

// heard is how many commits of a bank the orchestrator has heard of; 0 if it does not say.
func (s *system) heard(ctx context.Context, bank string) int64 {
	limited, cancel := context.WithTimeout(ctx, apiWithin)
	defer cancel()
	roll, err := s.client.Participants(limited)
	for _, m := range roll.Items {
		if err == nil && m.Name == bank {
			return m.Commit
		}
	}
	return 0
}

// commits is how many a bank's database has.
func (s *system) commits(ctx context.Context, bank string) (n int64, err error) {
	db, err := outbox.OpenReadOnly(filepath.Join(s.data(), ledger.FileName(bank)))
	if err != nil {
		return 0, err
	}
	err = db.GetContext(ctx, &n, `SELECT number FROM inbox_commits`)
	return n, errors.Join(err, db.Close())
}

// noticed is how often a bank has said that it serves nothing because its database is an older copy.
func (s *system) noticed(bank *farm.Process) int {
	text, _ := os.ReadFile(s.log(bank.Name)) // without one it has said nothing
	return bytes.Count(text, []byte("its database is an older copy"))
}

// copyDatabase copies a database that nobody has open, with its log.
func copyDatabase(from, to string) error {
	var errs []error
	for _, ending := range []string{"", "-wal"} {
		content, err := os.ReadFile(from + ending)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		errs = append(errs, err, os.WriteFile(to+ending, content, 0o600))
	}
	return errors.Join(errs...)
}
