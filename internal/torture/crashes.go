package torture

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/girohq/giro/internal/farm"
)

// processFaults strike processes.
var processFaults = []Fault{
	{Name: "kill-orchestrator", Takes: time.Second, Sentence: "kill -9 of the orchestrator",
		Strike: func(_ context.Context, s *system, _ *rand.Rand) (string, error) { return crash(s.orchestrator) }},
	{Name: "kill-bank", Takes: time.Second, Sentence: "kill -9 of a bank",
		Strike: func(_ context.Context, s *system, rng *rand.Rand) (string, error) { return crash(s.bank(rng)) }},
	{Name: "kill-broker", Takes: time.Second, Sentence: "kill -9 of the broker; its store stays",
		Strike: func(_ context.Context, s *system, _ *rand.Rand) (string, error) { return crash(s.broker) }},
	{Name: "kill-all", Takes: 2 * time.Second, Sentence: "kill -9 of all processes at once",
		Strike: killAll},
	{Name: "kill-starting", Takes: 2 * time.Second, Sentence: "kill -9 of a process, and again three times while it starts",
		Strike: killStarting},
	{Name: "freeze-orchestrator", Takes: 6 * time.Second, Sentence: "the orchestrator is stopped for 3 to 7 seconds without knowing (SIGSTOP): longer than customers and hasty sagas wait",
		Needs: farm.CanPause, Strike: freeze(func(s *system, _ *rand.Rand) *farm.Process { return s.orchestrator })},
	{Name: "freeze-bank", Takes: 6 * time.Second, Sentence: "the same with a bank", Needs: farm.CanPause, Strike: freeze((*system).bank)},
	{Name: "freeze-broker", Takes: 6 * time.Second, Sentence: "the same with the broker",
		Needs: farm.CanPause, Strike: freeze(func(s *system, _ *rand.Rand) *farm.Process { return s.broker })},
	{Name: "second-instance", Takes: time.Second, Sentence: "a second process is started on the same directory, and must refuse",
		Strike: secondInstance},
	{Name: "stop", Takes: 2 * time.Second, Sentence: "a process is asked to end under load (SIGTERM), and is started again",
		Strike: stopGracefully},
}

func (s *system) bank(rng *rand.Rand) *farm.Process { return s.banks[rng.IntN(len(s.banks))] }

func (s *system) any(rng *rand.Rand) *farm.Process {
	all := s.all()
	return all[rng.IntN(len(all))]
}

// crash kills a process and starts it again.
func crash(p *farm.Process) (string, error) {
	if err := up(p); err != nil {
		return p.Name, err
	}
	p.Kill()
	return p.Name, p.Start()
}

// up starts a process that is just down: the fault before this one may have left it so.
func up(p *farm.Process) error {
	if err := p.Start(); err != nil && !errors.Is(err, farm.ErrRuns) {
		return err
	}
	return nil
}

func killAll(_ context.Context, s *system, rng *rand.Rand) (string, error) {
	all := s.all()
	for _, i := range rng.Perm(len(all)) {
		all[i].Kill()
	}
	var err error
	for _, i := range rng.Perm(len(all)) {
		err = errors.Join(err, all[i].Start())
	}
	return fmt.Sprintf("%d processes", len(all)), err
}

func killStarting(ctx context.Context, s *system, rng *rand.Rand) (string, error) {
	p := s.any(rng)
	detail := p.Name
	for range 3 {
		p.Kill()
		if err := p.Start(); err != nil {
			return detail, err
		}
		after := time.Duration(rng.IntN(400)) * time.Millisecond
		detail += fmt.Sprintf(", %s", after)
		if !rest(ctx, after) {
			return detail, ctx.Err()
		}
	}
	p.Kill()
	return detail, p.Start()
}

// freeze stops a process where it is for a while.
func freeze(which func(*system, *rand.Rand) *farm.Process) func(context.Context, *system, *rand.Rand) (string, error) {
	return func(ctx context.Context, s *system, rng *rand.Rand) (string, error) {
		p := which(s, rng)
		d := 3*time.Second + time.Duration(rng.IntN(4000))*time.Millisecond
		detail := fmt.Sprintf("%s for %s", p.Name, d)
		if err := errors.Join(up(p), p.Pause()); err != nil {
			return detail, err
		}
		rest(ctx, d)
		return detail, p.Resume()
	}
}

// secondInstance starts a process again that runs.
func secondInstance(ctx context.Context, s *system, rng *rand.Rand) (string, error) {
	if _, _, err := s.well(ctx); err != nil {
		return "", err
	}
	p := s.any(rng)
	pid := p.PID()
	limited, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var said strings.Builder
	second := &farm.Process{Name: "a second " + p.Name, Args: p.Args, Output: &said}
	if err := second.Start(); err != nil {
		return p.Name, err
	}
	err := second.End(limited, syscall.Signal(0)) // which asks for nothing: it must end by itself
	second.Kill()
	var exit *exec.ExitError
	switch {
	case !p.Runs() || p.PID() != pid || ctx.Err() != nil:
		return p.Name, fmt.Errorf("%s ended meanwhile: %w", p.Name, errNotFired)
	case errors.As(err, &exit) && exit.Exited() && strings.Contains(said.String(), "is held by process"):
		return p.Name, nil // the lock refused it; a port that is taken would not do
	}
	return p.Name, &Violation{Invariant: oneOwner, Detail: fmt.Sprintf("%s was not refused by the lock: %v: %.300s", second.Name, err, said.String())}
}

func stopGracefully(ctx context.Context, s *system, rng *rand.Rand) (string, error) {
	p := s.any(rng)
	if err := up(p); err != nil {
		return p.Name, err
	}
	limited, cancel := context.WithTimeout(ctx, endWithin)
	defer cancel()
	detail := p.Name
	if err := p.End(limited, syscall.SIGTERM); err != nil {
		detail += ": " + err.Error()
	}
	if p.Runs() {
		p.Kill()
		return detail, &Violation{Invariant: recovery, Detail: fmt.Sprintf("%s did not end within %s of SIGTERM", p.Name, endWithin)}
	}
	return detail, p.Start()
}
