package torture

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"time"

	"github.com/girohq/giro/internal/farm"
)

// diskFaults strike the disks under databases and broker.
var diskFaults = []Fault{
	{Name: "disk-full-orchestrator", Takes: 4 * time.Second, Sentence: "for 1 to 3 seconds the orchestrator cannot write to any file, as on a full disk",
		Needs: farm.CanFill, Strike: fill(func(s *system, _ *rand.Rand) *farm.Process { return s.orchestrator })},
	{Name: "disk-full-bank", Takes: 4 * time.Second, Sentence: "the same with a bank", Needs: farm.CanFill, Strike: fill((*system).bank)},
	{Name: "disk-full-broker", Takes: 6 * time.Second, Sentence: "the same with the broker",
		Needs: farm.CanFill, Strike: fill(func(s *system, _ *rand.Rand) *farm.Process { return s.broker })},
	{Name: "sync-fails", Takes: 3 * time.Second, Sentence: "fsync fails with EIO under the orchestrator or a bank, until it has ended by that, and up to 1.5 seconds longer",
		Needs: canPreload, Strike: fail("sync"), preloaded: true},
	{Name: "write-fails", Takes: 3 * time.Second, Sentence: "the same with writes", Needs: canPreload, Strike: fail("write"), preloaded: true},
	{Name: "read-fails", Takes: 3 * time.Second, Sentence: "the same with reads", Needs: canPreload, Strike: fail("read"), preloaded: true},
}

// fill makes a process's disk look full for a while, through all the lives that it has meanwhile.
func fill(which func(*system, *rand.Rand) *farm.Process) func(context.Context, *system, *rand.Rand) (string, error) {
	return func(ctx context.Context, s *system, rng *rand.Rand) (string, error) {
		p := which(s, rng)
		d := time.Second + time.Duration(rng.IntN(2000))*time.Millisecond
		detail := fmt.Sprintf("%s for %s", p.Name, d)
		if err := up(p); err != nil {
			return detail, err
		}
		limited, cancel := context.WithTimeout(ctx, d)
		defer cancel()
		filled, pid := 0, 0
		for rest(limited, 2*time.Millisecond) {
			if p.PID() == pid {
				continue
			}
			switch err := p.Fill(); {
			case err == nil:
				filled, pid = filled+1, p.PID()
			case !errors.Is(err, os.ErrProcessDone):
				return detail, err
			}
		}
		if filled > 1 {
			detail += fmt.Sprintf(", through %d lives", filled)
		}
		if err := p.Drain(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return detail, err
		}
		return detail, ctx.Err()
	}
}
