package torture

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/girohq/giro/internal/farm"
)

// clockFaults strike the clocks of processes; those of the machine are not ours to set. What the orchestrator
// sends while it is ahead it waits for by so much longer, should no answer come; a run has not more than a
// minute for that.
var clockFaults = []Fault{
	{Name: "clock-jumps", Takes: 4 * time.Second, Strike: jump,
		Sentence: "the clock of the orchestrator or of a bank jumps by up to a minute ahead or an hour back, and is right again 1 to 4 seconds later"},
}

// clock is the file that says how far ahead a process's clock is.
func (s *system) clock(name string) string { return filepath.Join(s.dir, "clocks", name) }

func jump(ctx context.Context, s *system, rng *rand.Rand) (string, error) {
	p := s.stores()[rng.IntN(1+len(s.banks))]
	offset := -time.Duration(1+rng.IntN(3600)) * time.Second
	if rng.IntN(2) == 0 {
		offset = time.Duration(1+rng.IntN(60)) * time.Second
	}
	d := time.Second + time.Duration(rng.IntN(3000))*time.Millisecond
	detail := fmt.Sprintf("%s by %s for %s", p.Name, offset, d)
	if err := errors.Join(up(p), setClock(s.clock(p.Name), offset)); err != nil {
		return detail, err
	}
	rest(ctx, d)
	return detail, errors.Join(os.Remove(s.clock(p.Name)), ctx.Err())
}

// setClock puts the file there at once: a reader never finds half of it.
func setClock(file string, offset time.Duration) error {
	fresh := file + ".new"
	return errors.Join(os.WriteFile(fresh, []byte(offset.String()), 0o600), os.Rename(fresh, file))
}

// clocked is a process whose clock may be set.
func (s *system) clocked(name string, args ...string) *farm.Process {
	return s.process(name, append(args, "--clock", s.clock(name))...)
}
