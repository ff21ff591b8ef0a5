//go:build unix

package farm

import "syscall"

// CanPause says why processes cannot be paused on this system; nil: they can.
func CanPause() error { return nil }

// Pause stops the process where it is, without its knowing: SIGSTOP.
func (p *Process) Pause() error { return p.Signal(syscall.SIGSTOP) }

// Resume lets it go on: SIGCONT.
func (p *Process) Resume() error { return p.Signal(syscall.SIGCONT) }
