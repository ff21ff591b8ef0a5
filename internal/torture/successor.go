package torture

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/girohq/giro/client"
	"github.com/girohq/giro/internal/farm"
)

// successorFaults strike a process behind which another one waits.
var successorFaults = []Fault{
	{Name: "freeze-succeeded", Takes: 14 * time.Second, Needs: farm.CanPause, Strike: freezeSucceeded,
		Sentence: "a process is stopped for 6 to 9 seconds while another waits for its place, and killed when it goes on; the other takes over"},
}

const (
	leader      = "leader"
	takesWithin = 30 * time.Second
)

func freezeSucceeded(ctx context.Context, s *system, rng *rand.Rand) (string, error) {
	p := s.stores()[rng.IntN(1+len(s.banks))]
	d := 6*time.Second + time.Duration(rng.IntN(3000))*time.Millisecond
	detail := fmt.Sprintf("%s for %s", p.Name, d)
	if err := up(p); err != nil {
		return detail, err
	}
	next := s.process(p.Name+" successor", append(p.Args[:len(p.Args):len(p.Args)], "--standby")...)
	if err := next.Start(); err != nil {
		return detail, err
	}
	defer next.Kill()
	limited, cancel := context.WithTimeout(ctx, takesWithin)
	defer cancel()
	if !s.stands(limited, next, func(client.Candidacy) bool { return true }) {
		return detail, fmt.Errorf("the successor of %s is not there: %w", p.Name, errNotFired)
	}
	if err := p.Pause(); err != nil {
		return detail, err
	}
	paused, over := context.WithTimeout(ctx, d)
	usurped := s.stands(paused, next, func(c client.Candidacy) bool { return c.Role == leader })
	over()
	if err := p.Resume(); err != nil {
		return detail, err
	}
	if usurped {
		return detail, &Violation{Invariant: oneOwner, Detail: next.Name + " leads, and the process before it lives"}
	}
	p.Kill()
	limited, cancel = context.WithTimeout(ctx, takesWithin)
	defer cancel()
	if !s.stands(limited, next, func(c client.Candidacy) bool { return c.Role == leader }) && ctx.Err() == nil {
		return detail, &Violation{Invariant: recovery, Detail: fmt.Sprintf("%s did not take over within %s", next.Name, takesWithin)}
	}
	err := next.End(limited, syscall.SIGTERM)
	return detail, errors.Join(err, p.Start(), ctx.Err())
}

// stands waits until a process is a candidate, and so of it.
func (s *system) stands(ctx context.Context, p *farm.Process, so func(client.Candidacy) bool) bool {
	for rest(ctx, 100*time.Millisecond) {
		try, cancel := context.WithTimeout(ctx, 2*time.Second)
		all, err := s.client.Candidates(try)
		cancel()
		for _, c := range all {
			if err == nil && strings.Contains(c.Owner, "/"+strconv.Itoa(p.PID())+"/") && so(c) {
				return true
			}
		}
	}
	return false
}
