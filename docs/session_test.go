package docs_test

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

const (
	patience = 2 * time.Minute  // with a whole page
	settling = 10 * time.Second // what a second terminal still has to say after the page
)

// session is a shell as the reader of a page has it: each command has a terminal.
type session struct {
	dir string
	env []string
}

// newSession has nothing of this machine's user: no contexts, no colours, programs from bin first.
func newSession(dir, bin, url string) *session {
	return &session{dir: dir, env: []string{
		"PATH=" + bin + string(os.PathListSeparator) + os.Getenv("PATH"), "HOME=" + dir, "NATS_URL=" + url, "NO_COLOR=1", "TERM=dumb", "TZ=UTC",
	}}
}

// running is a command that was typed.
type running struct {
	cmd   *exec.Cmd
	lines chan string // of its terminal; closed at its end
	seen  []string
}

// start types a command.
func (s *session) start(t *testing.T, ctx context.Context, text string) *running {
	t.Helper()
	screen, tty, err := newTerminal()
	if err != nil {
		t.Skipf("no terminal: %v", err)
	}
	defer tty.Close()
	r := &running{cmd: exec.CommandContext(ctx, "sh", "-c", text), lines: make(chan string, 10_000)}
	r.cmd.Dir, r.cmd.Env, r.cmd.Stdin, r.cmd.Stdout, r.cmd.Stderr = s.dir, s.env, tty, tty, tty
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // what the shell starts ends with it
	r.cmd.Cancel = func() error { return syscall.Kill(-r.cmd.Process.Pid, syscall.SIGKILL) }
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer screen.Close()
		defer close(r.lines)
		for scanner := bufio.NewScanner(screen); scanner.Scan(); {
			r.lines <- scanner.Text()
		}
	}()
	return r
}

// run types a command and returns what it prints. A page shows no failure without showing how it
// looks, as in "command || echo $?".
func (s *session) run(t *testing.T, ctx context.Context, text string) string {
	t.Helper()
	r := s.start(t, ctx, text)
	output := r.rest()
	if err := r.cmd.Wait(); err != nil {
		t.Fatalf("$ %s\n%v\n%s", text, err, output)
	}
	return output
}

// open types a command that goes on beside the session, and waits for its first line.
func (s *session) open(t *testing.T, ctx context.Context, text string) *running {
	t.Helper()
	r := s.start(t, ctx, text)
	t.Cleanup(func() {
		r.interrupt()
		_ = r.cmd.Wait() // an interrupted command may end as it likes
	})
	line, ok := <-r.lines
	if !ok {
		t.Fatalf("$ %s\nprints nothing", text)
	}
	r.seen = append(r.seen, line)
	return r
}

// close interrupts a command when it has printed as many lines as its page shows; where the page
// is to be written anew, when it has had the time.
func (r *running) close(claimed int) string {
	timeout := time.After(settling)
	for waiting := true; waiting && (*update || len(r.seen) < claimed); {
		select {
		case line, more := <-r.lines:
			waiting = more
			r.seen = append(r.seen, line)
		case <-timeout:
			waiting = false
		}
	}
	r.interrupt()
	return r.rest()
}

// interrupt is ctrl-C. That the command has ended already is no error.
func (r *running) interrupt() { _ = syscall.Kill(-r.cmd.Process.Pid, syscall.SIGINT) }

// rest is everything the command prints until its end.
func (r *running) rest() string {
	for line := range r.lines {
		r.seen = append(r.seen, line)
	}
	return tidy(r.seen)
}
