package torture

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// storeFaults strike the broker's store while the broker is dead. The databases hold the truth, so nothing
// may be lost by it.
var storeFaults = []Fault{
	{Name: "store-deleted", Takes: 2 * time.Second, Sentence: "the broker's whole store is deleted",
		Strike: func(ctx context.Context, s *system, _ *rand.Rand) (string, error) {
			return s.damage(ctx, func() (string, error) { return "", os.RemoveAll(s.store()) })
		}},
	{Name: "store-tail-cut", Takes: 2 * time.Second, Sentence: "the end of a message file of the broker is cut off",
		Strike: func(ctx context.Context, s *system, rng *rand.Rand) (string, error) {
			return s.damage(ctx, func() (string, error) { return s.cutTail(rng) })
		}},
	{Name: "store-bit-flip", Takes: 2 * time.Second, Sentence: "one to eight bits are flipped in a message file of the broker",
		Strike: func(ctx context.Context, s *system, rng *rand.Rand) (string, error) {
			return s.damage(ctx, func() (string, error) { return s.flip(rng, isBlock) })
		}},
	{Name: "store-state-flip", Takes: 2 * time.Second, Sentence: "the same in what the broker keeps of a stream's or a consumer's state",
		Strike: func(ctx context.Context, s *system, rng *rand.Rand) (string, error) {
			return s.damage(ctx, func() (string, error) { return s.flip(rng, isState) })
		}},
	{Name: "store-old-copy", Takes: 4 * time.Second, Sentence: "the broker is put back to a copy of its store that is 1 to 4 seconds old",
		Strike: oldCopy},
}

func isBlock(path string) bool { return strings.HasSuffix(path, ".blk") }
func isState(path string) bool { return !isBlock(path) && filepath.Base(path) != "lock" }

// openWithin is how long a broker may take to open its port on whatever store it finds.
const openWithin = 15 * time.Second

// damage kills the broker, does something to its store, and starts it again. A broker that does not come up
// on what is left gets an empty store, as a person would give it; the detail says so.
func (s *system) damage(ctx context.Context, harm func() (string, error)) (string, error) {
	s.broker.Kill()
	detail, err := harm()
	if err = errors.Join(err, s.broker.Start()); err != nil {
		return detail, err
	}
	if s.listens(ctx) {
		return detail, nil
	}
	s.broker.Kill()
	detail += "; the broker refused what was left, and was given an empty store"
	return detail, errors.Join(os.RemoveAll(s.store()), s.broker.Start())
}

// listens waits until the broker's port is open.
func (s *system) listens(ctx context.Context) bool {
	limited, cancel := context.WithTimeout(ctx, openWithin)
	defer cancel()
	for {
		conn, err := net.DialTimeout("tcp", s.address, time.Second)
		if err == nil {
			return conn.Close() == nil
		}
		if !rest(limited, 20*time.Millisecond) {
			return false
		}
	}
}

// draw picks one of the store's files that are not empty.
func (s *system) draw(rng *rand.Rand, which func(path string) bool) (path string, size int64, err error) {
	var paths []string
	var sizes []int64
	err = filepath.WalkDir(s.store(), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || !which(path) {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Size() > 0 {
			paths, sizes = append(paths, path), append(sizes, info.Size())
		}
		return err
	})
	if err != nil {
		return "", 0, err
	}
	if len(paths) == 0 {
		return "", 0, fmt.Errorf("no such file in the store: %w", errNotFired)
	}
	i := rng.IntN(len(paths))
	return paths[i], sizes[i], nil
}

func (s *system) cutTail(rng *rand.Rand) (string, error) {
	path, size, err := s.draw(rng, isBlock)
	if err != nil {
		return "", err
	}
	cut := 1 + rng.Int64N(size)
	return fmt.Sprintf("%d of %d bytes of %s", cut, size, s.shown(path)), os.Truncate(path, size-cut)
}

func (s *system) flip(rng *rand.Rand, which func(path string) bool) (string, error) {
	path, size, err := s.draw(rng, which)
	if err != nil {
		return "", err
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	bits := 1 + rng.IntN(8)
	for range bits {
		content[rng.Int64N(size)] ^= 1 << rng.IntN(8)
	}
	return fmt.Sprintf("%d bits of %s", bits, s.shown(path)), os.WriteFile(path, content, 0o600)
}

func (s *system) shown(path string) string {
	if rel, err := filepath.Rel(s.store(), path); err == nil {
		return rel
	}
	return path
}

// oldCopy takes a copy of the store, lets transfers go on, and puts the copy back.
func oldCopy(ctx context.Context, s *system, rng *rand.Rand) (string, error) {
	old := filepath.Join(s.dir, "broker-copy")
	defer func() { _ = os.RemoveAll(old) }() // else the next copy says so
	copied, err := s.damage(ctx, func() (string, error) { return "", os.CopyFS(old, os.DirFS(s.store())) })
	if err != nil {
		return copied, err
	}
	age := time.Second + time.Duration(rng.IntN(3000))*time.Millisecond
	if !rest(ctx, age) {
		return "", ctx.Err()
	}
	detail, err := s.damage(ctx, func() (string, error) {
		return fmt.Sprintf("%s old", age), errors.Join(os.RemoveAll(s.store()), os.Rename(old, s.store()))
	})
	return detail, err
}
