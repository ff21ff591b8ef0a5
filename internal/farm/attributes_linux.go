package farm

import "syscall"

// attributes make a process die with this one, and spare it the interrupts of this one's terminal.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}
