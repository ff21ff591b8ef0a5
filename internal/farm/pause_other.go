//go:build !unix

package farm

import "errors"

// CanPause says why processes cannot be paused on this system.
func CanPause() error { return errors.New("this system has no SIGSTOP") }

// Pause is not possible here.
func (p *Process) Pause() error { return CanPause() }

// Resume is not possible here.
func (p *Process) Resume() error { return CanPause() }
