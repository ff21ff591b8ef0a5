package torture

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"github.com/girohq/giro/internal/farm"
)

// preloadSource is a layer between SQLite and libc that fails when it is told to.
//
//go:embed preload/disk.c
var preloadSource []byte

// canPreload: the dynamic linker of this system knows LD_PRELOAD, and there is a compiler for the layer.
func canPreload() error {
	if runtime.GOOS != "linux" {
		return errors.New("it needs LD_PRELOAD of Linux")
	}
	if _, err := exec.LookPath("cc"); err != nil {
		return errors.New("it needs a C compiler, cc")
	}
	return nil
}

// preload builds the layer and puts it under the processes that have databases.
func (s *system) preload() error {
	dir := filepath.Join(s.dir, "preload")
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	source, library := filepath.Join(dir, "disk.c"), filepath.Join(dir, "disk.so")
	if err := os.WriteFile(source, preloadSource, 0o600); err != nil {
		return err
	}
	if said, err := exec.Command("cc", "-shared", "-fPIC", "-O2", "-o", library, source, "-ldl").CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w: %s", source, err, said)
	}
	for _, p := range s.stores() {
		p.Env = append(p.Env, "LD_PRELOAD="+library, "GIRO_TORTURE_DISK="+s.control(p))
	}
	return nil
}

// stores are the processes with databases.
func (s *system) stores() []*farm.Process { return append([]*farm.Process{s.orchestrator}, s.banks...) }

// control is the path whose endings say what fails for a process.
func (s *system) control(p *farm.Process) string { return filepath.Join(s.dir, "preload", p.Name) }

// fail makes calls on the files of a database fail until its process has met that, and for a while longer,
// through all the lives that it has meanwhile. What a process has read it need not read again, so where
// reading fails it is killed first.
func fail(what string) func(context.Context, *system, *rand.Rand) (string, error) {
	return func(ctx context.Context, s *system, rng *rand.Rand) (string, error) {
		p := s.stores()[rng.IntN(1+len(s.banks))]
		died, file := len(p.Deaths()), s.control(p)+"."+what
		if err := errors.Join(up(p), os.WriteFile(file, nil, 0o600)); err != nil {
			return p.Name, err
		}
		if what == "read" {
			if _, err := crash(p); err != nil {
				return p.Name, err
			}
		}
		limited, cancel := context.WithTimeout(ctx, metWithin)
		defer cancel()
		for len(p.Deaths()) == died && rest(limited, 5*time.Millisecond) {
		}
		rest(ctx, time.Duration(rng.IntN(1500))*time.Millisecond)
		ends := len(p.Deaths()) - died
		err := errors.Join(os.Remove(file), ctx.Err())
		if err == nil && ends == 0 {
			err = fmt.Errorf("%s did not meet it within %s: %w", p.Name, metWithin, errNotFired)
		}
		return fmt.Sprintf("%s, which ended %d times", p.Name, ends), err
	}
}

// metWithin bounds the wait for a call that fails, or for a message that is carried twice.
const metWithin = 10 * time.Second
