package torture

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/girohq/giro/internal/farm"
	"github.com/girohq/giro/internal/wire"
	"github.com/nats-io/nats.go/jetstream"
)

// birthFaults strike while databases are made.
var birthFaults = []Fault{
	{Name: "kill-migrating", Takes: 3 * time.Second, Strike: killMigrating,
		Sentence: "kill -9 of a new orchestrator or bank, eight times while it makes its tables; then it must come up whole"},
}

const (
	births     = 8
	bornWithin = 30 * time.Second
)

// killMigrating lets a process be born on a directory and under a prefix of its own.
func killMigrating(ctx context.Context, s *system, rng *rand.Rand) (string, error) {
	parent := s.stores()[rng.IntN(1+len(s.banks))]
	prefix := fmt.Sprintf("birth-%x", rng.Uint64())
	dir := filepath.Join(s.dir, prefix)
	if err := os.Mkdir(dir, 0o750); err != nil {
		return "", err
	}
	child := &farm.Process{Name: "newborn " + parent.Name, Args: born(parent.Args, dir, prefix), Again: restartAfter}
	defer child.Kill()
	detail := child.Name
	for range births {
		if err := child.Start(); err != nil {
			return detail, err
		}
		after := time.Duration(rng.IntN(120)) * time.Millisecond
		detail += fmt.Sprintf(", %s", after)
		if !rest(ctx, after) {
			return detail, ctx.Err()
		}
		child.Kill()
	}
	said := &words{}
	child.Output = said
	if err := child.Start(); err != nil {
		return detail, err
	}
	limited, cancel := context.WithTimeout(ctx, bornWithin)
	defer cancel()
	for !strings.Contains(said.String(), "NATS nats://") { // a service says where it is when it is up
		if !rest(limited, 20*time.Millisecond) {
			return detail, errors.Join(ctx.Err(), &Violation{Invariant: recovery, Detail: fmt.Sprintf("%s did not come up: %.300s", child.Name, said)})
		}
	}
	if err := child.End(limited, syscall.SIGTERM); err != nil {
		return detail, &Violation{Invariant: recovery, Detail: fmt.Sprintf("%s did not end well: %v: %.300s", child.Name, err, said)}
	}
	return detail, errors.Join(os.RemoveAll(dir), s.forget(ctx, prefix))
}

// forget deletes the streams of a prefix.
func (s *system) forget(ctx context.Context, prefix string) error {
	names, err := wire.New(prefix)
	if err != nil {
		return err
	}
	for _, name := range streamsOf(names) {
		err := insist(ctx, func(ctx context.Context) error {
			if err := s.js.DeleteStream(ctx, name); !errors.Is(err, jetstream.ErrStreamNotFound) {
				return err
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// born are a process's arguments on another directory, under another prefix.
func born(args []string, dir, prefix string) []string {
	list := append([]string(nil), args...)
	for i := range list[:len(list)-1] {
		if list[i] == "--data" {
			list[i+1] = dir
		}
	}
	return append(list, "--prefix", prefix)
}

// words is what a process says.
type words struct {
	mu   sync.Mutex
	text strings.Builder
}

func (w *words) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(b)
}

func (w *words) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}
