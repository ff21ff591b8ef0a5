//go:build !linux

package farm

import "errors"

var errNoPrlimit = errors.New("this system cannot limit the files of a process that runs")

// CanFill says why a process's disk cannot be made to look full on this system.
func CanFill() error { return errNoPrlimit }

// Fill does nothing here.
func (p *Process) Fill() error { return errNoPrlimit }

// Drain does nothing here.
func (p *Process) Drain() error { return errNoPrlimit }
