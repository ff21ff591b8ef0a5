package farm

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// CanFill says why a process's disk cannot be made to look full on this system; nil: it can.
func CanFill() error { return nil }

// Fill makes the disk look full to the process: each write to a file fails with EFBIG, as by `ulimit -f 0`.
// A process that is started later has all the room there is.
func (p *Process) Fill() error { return p.limitFiles(0) }

// Drain gives the room back.
func (p *Process) Drain() error { return p.limitFiles(unix.RLIM_INFINITY) }

// limitFiles bounds the size of the files that a process may write; its hard limit stays where it is.
func (p *Process) limitFiles(most uint64) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.life == nil || p.life.over() {
		return fmt.Errorf("limit the files of %s: %w", p.Name, os.ErrProcessDone)
	}
	pid := p.life.cmd.Process.Pid
	var now unix.Rlimit
	err := unix.Prlimit(pid, unix.RLIMIT_FSIZE, nil, &now)
	if err == nil {
		now.Cur = min(most, now.Max)
		err = unix.Prlimit(pid, unix.RLIMIT_FSIZE, &now, nil)
	}
	if errors.Is(err, unix.ESRCH) {
		err = os.ErrProcessDone
	}
	if err != nil {
		return fmt.Errorf("limit the files of %s: %w", p.Name, err)
	}
	return nil
}
