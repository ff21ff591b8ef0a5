package outbox

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/gofrs/flock"
)

// Lock is the ownership of a file or directory by this process. The operating system gives it
// up when the process dies, however it dies. It does not hold over a network file system.
type Lock struct {
	file *flock.Flock
}

// LockDir takes DIR/lock for this process. If another process has it, the error is [ErrLocked]
// and names that process's pid. The directory must exist.
func LockDir(dir string) (*Lock, error) {
	return takeLock(filepath.Join(dir, "lock"))
}

// Release gives the lock up. The file stays: deleting it could let two owners lock two files of
// one name. A second Release does nothing.
func (l *Lock) Release() error {
	if err := l.file.Unlock(); err != nil {
		return fmt.Errorf("outbox: release %s: %w", l.file.Path(), err)
	}
	return nil
}

func takeLock(path string) (*Lock, error) {
	file := flock.New(path, flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o644))
	got, err := file.TryLock()
	if err != nil {
		return nil, fmt.Errorf("outbox: lock %s: %w", path, err)
	}
	if !got {
		return nil, fmt.Errorf("%w: %s is held by %s", ErrLocked, path, holder(path))
	}
	l := &Lock{file: file}
	if err := os.WriteFile(path, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o644); err != nil {
		_ = l.Release()
		return nil, fmt.Errorf("outbox: lock %s: %w", path, err)
	}
	return l, nil
}

// holder says who wrote the lock file. The owner writes its pid just after it takes the lock,
// so for an instant nobody is named.
func holder(path string) string {
	b, err := os.ReadFile(path)
	pid := strings.TrimSpace(string(b))
	if err != nil || pid == "" {
		return "another process"
	}
	return "process " + pid
}
