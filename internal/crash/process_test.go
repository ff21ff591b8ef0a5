package crash

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
)

// process is a real process that can be killed and started again with the same arguments.
type process struct {
	name string
	args []string
	env  []string

	mu    sync.Mutex
	cmd   *exec.Cmd
	log   bytes.Buffer
	ended chan error
}

// start begins the process; it does not wait until it is ready.
func (p *process) start(t testing.TB) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cmd = exec.Command(p.args[0], p.args[1:]...)
	p.cmd.Env = append(os.Environ(), p.env...)
	p.cmd.Stderr = &syncWriter{p: p}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("%s: %v", p.name, err)
	}
	cmd, ended := p.cmd, make(chan error, 1)
	p.ended = ended
	go func() { ended <- cmd.Wait() }()
}

// signal sends a signal and waits until the process is gone.
func (p *process) signal(t testing.TB, sig os.Signal) error {
	t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil && err != os.ErrProcessDone {
		t.Fatalf("%s: %v", p.name, err)
	}
	return <-p.ended
}

// kill is kill -9.
func (p *process) kill(t testing.TB) {
	t.Helper()
	_ = p.signal(t, syscall.SIGKILL) // it has ended by that signal
}

// output is what the process wrote to stderr over all its lives.
func (p *process) output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	const most = 8 << 10
	b := p.log.Bytes()
	return fmt.Sprintf("--- %s\n%s", p.name, b[max(0, len(b)-most):])
}

type syncWriter struct{ p *process }

func (w *syncWriter) Write(b []byte) (int, error) {
	w.p.mu.Lock()
	defer w.p.mu.Unlock()
	return w.p.log.Write(b)
}
