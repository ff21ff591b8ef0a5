package torture

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"time"

	"github.com/girohq/giro/internal/farm"
	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/participants/ledger"
	"github.com/girohq/giro/saga"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// lateFaults bring commands after what overtook them.
var lateFaults = []Fault{
	{Name: "late-command", Takes: 9 * time.Second, Strike: lateCommands,
		Sentence: "commands to a bank disappear while it is dead, and arrive after the undo or the inquiry that has overtaken them"},
}

const (
	// withheldFor is long enough for hasty sagas to give up: two attempts, and what is between them.
	withheldFor = 4 * time.Second
	// overtakenWithin bounds the wait for a fence before a command that was withheld.
	overtakenWithin = 20 * time.Second
)

// lateCommands takes commands of hasty sagas out of the stream while their bank is dead, and sends them when
// an undo or an inquiry has come first.
func lateCommands(ctx context.Context, s *system, rng *rand.Rand) (string, error) {
	i := rng.IntN(len(s.banks))
	bank := s.banks[i]
	if err := up(bank); err != nil {
		return bank.Name, err
	}
	bank.Kill()
	held, err := s.withhold(ctx, i)
	if err = errors.Join(err, bank.Start()); err != nil {
		return bank.Name, err
	}
	late, err := s.overtaken(ctx, bank, bankName(i), held)
	if err != nil {
		return bank.Name, err
	}
	err = insist(ctx, func(ctx context.Context) error {
		for _, m := range late {
			if err := s.conn.PublishMsg(m); err != nil {
				return err
			}
		}
		return s.conn.FlushWithContext(ctx)
	})
	return fmt.Sprintf("%d of %d to %s", len(late), len(held), bank.Name), err
}

// withhold takes the hasty forwards that come for a bank out of the stream, attempt by attempt. Some are begun
// here: all customers may be waiting.
func (s *system) withhold(ctx context.Context, bank int) (held []*nats.Msg, err error) {
	limited, cancel := context.WithTimeout(ctx, withheldFor)
	defer cancel()
	var next uint64
	err = insist(limited, func(ctx context.Context) error {
		stream, err := s.js.Stream(ctx, s.names.Commands())
		if err == nil {
			next = stream.CachedInfo().State.LastSeq + 1
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	s.hurry(limited, bank)
	for rest(limited, 20*time.Millisecond) {
		err := s.each(limited, s.names.Commands(), s.names.CommandFilter(bankName(bank)), &next, func(stream jetstream.Stream, m *nats.Msg, seq uint64) error {
			h := m.Header
			if h.Get(wire.HeaderType) != hasty || h.Get(wire.HeaderDirection) != string(saga.Forward) {
				return nil
			}
			if err := stream.DeleteMsg(limited, seq); err != nil {
				return err
			}
			held = append(held, m)
			return nil
		})
		if err != nil && limited.Err() == nil {
			return held, err
		}
	}
	return held, ctx.Err()
}

// overtaken waits until fences were put up before commands that were withheld, and returns those commands.
func (s *system) overtaken(ctx context.Context, bank *farm.Process, name string, held []*nats.Msg) (late []*nats.Msg, err error) {
	if len(held) == 0 {
		return nil, fmt.Errorf("no hasty command came for %s: %w", bank.Name, errNotFired)
	}
	limited, cancel := context.WithTimeout(ctx, overtakenWithin)
	defer cancel()
	for rest(limited, 100*time.Millisecond) {
		if late, err = s.fenced(limited, name, held); len(late) > 0 && len(late) >= len(held)/2 {
			break
		}
	}
	if len(late) == 0 && err == nil {
		err = fmt.Errorf("no command of %d was overtaken: %w", len(held), errNotFired)
	}
	return late, err
}

// fenced are the commands whose step run was fenced at the bank.
func (s *system) fenced(ctx context.Context, bank string, held []*nats.Msg) (late []*nats.Msg, err error) {
	db, err := outbox.OpenReadOnly(filepath.Join(s.data(), ledger.FileName(bank)))
	if err != nil {
		return nil, err
	}
	defer db.Close()
	for _, m := range held {
		var state saga.RowState
		err := db.GetContext(ctx, &state, `SELECT COALESCE(MAX(state), '') FROM inbox WHERE saga = ? AND step = ?`,
			m.Header.Get(wire.HeaderID), m.Header.Get(wire.HeaderStep))
		if err != nil {
			return nil, err
		}
		if state == saga.RowFenced {
			late = append(late, m)
		}
	}
	return late, nil
}
