//go:build !linux

package farm

import "syscall"

// attributes has nothing to offer here: a process may outlive this one.
func attributes() *syscall.SysProcAttr { return nil }
