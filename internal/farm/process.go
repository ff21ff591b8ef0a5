package farm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"
)

// Process is a real process that can be ended and started again with the same arguments.
type Process struct {
	Name   string
	Args   []string
	Env    []string      // more than what this process has
	Output io.Writer     // of its stderr, over all its lives
	Again  time.Duration // after it ended by itself it is started again so much later; 0: it stays dead

	mu     sync.Mutex
	life   *life
	deaths []Death
}

// life is one run of a process.
type life struct {
	cmd    *exec.Cmd
	wanted bool // nobody has ended it
	ended  chan struct{}
	err    error // of Wait, once ended is closed
}

// Death is an end that nobody asked for.
type Death struct {
	Name string    `json:"name"`
	At   time.Time `json:"at"`
	How  string    `json:"how"`
}

// ErrRuns: the process is not started, because it runs.
var ErrRuns = errors.New("it runs already")

// Start begins the process; it does not wait until it is ready.
func (p *Process) Start() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.life != nil && !p.life.over() {
		return fmt.Errorf("start %s: %w", p.Name, ErrRuns)
	}
	return p.start()
}

func (p *Process) start() error {
	cmd := exec.Command(p.Args[0], p.Args[1:]...)
	cmd.Stderr, cmd.SysProcAttr, cmd.Env = p.Output, attributes(), append(os.Environ(), p.Env...)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", p.Name, err)
	}
	l := &life{cmd: cmd, wanted: true, ended: make(chan struct{})}
	p.life = l
	go p.watch(l)
	return nil
}

func (l *life) over() bool {
	select {
	case <-l.ended:
		return true
	default:
		return false
	}
}

// watch waits for the end of a life, and begins the next when nobody wanted that end.
func (p *Process) watch(l *life) {
	err := l.cmd.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	l.err = err
	close(l.ended)
	if !l.wanted {
		return
	}
	p.deaths = append(p.deaths, Death{Name: p.Name, At: time.Now(), How: l.cmd.ProcessState.String()})
	if p.Again > 0 {
		time.AfterFunc(p.Again, func() { p.restart(l) })
	}
}

func (p *Process) restart(after *life) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.life != after || !after.wanted {
		return
	}
	if err := p.start(); err != nil {
		p.deaths = append(p.deaths, Death{Name: p.Name, At: time.Now(), How: err.Error()})
	}
}

// Signal sends a signal to a process that runs.
func (p *Process) Signal(sig os.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.life == nil || p.life.over() {
		return fmt.Errorf("signal %s: %w", p.Name, os.ErrProcessDone)
	}
	return p.life.cmd.Process.Signal(sig)
}

// End sends a signal and waits until the process is gone; it is not started again. The error says how it
// ended, nil with exit code 0, or that ctx ended first.
func (p *Process) End(ctx context.Context, sig os.Signal) error {
	p.mu.Lock()
	l := p.life
	if l == nil {
		p.mu.Unlock()
		return nil
	}
	l.wanted = false
	err := l.cmd.Process.Signal(sig)
	p.mu.Unlock()
	if err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("end %s: %w", p.Name, err)
	}
	select {
	case <-l.ended:
		return l.err
	case <-ctx.Done():
		return fmt.Errorf("end %s by %s: %w", p.Name, sig, ctx.Err())
	}
}

// Kill is kill -9: it returns when the process is gone.
func (p *Process) Kill() { _ = p.End(context.Background(), os.Kill) } // it has ended by that signal

// Runs reports whether the process lives.
func (p *Process) Runs() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.life != nil && !p.life.over()
}

// PID is that of the last life; 0 before the first.
func (p *Process) PID() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.life == nil {
		return 0
	}
	return p.life.cmd.Process.Pid
}

// Deaths are the ends that nobody asked for, oldest first.
func (p *Process) Deaths() []Death {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]Death(nil), p.deaths...)
}
