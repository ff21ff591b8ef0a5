package torture

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

// networkFaults disturb the link between one process, or the customers, and the broker.
var networkFaults = []Fault{
	{Name: "network-cut", Takes: 4 * time.Second, linked: true, Sentence: "a process, or the customers, cannot reach the broker for 1 to 4 seconds",
		Strike: disturbed(func(l *link, _ *rand.Rand) string { l.cut = true; l.hangUp(-1); return "" })},
	{Name: "network-silent", Takes: 4 * time.Second, linked: true, Sentence: "the same, but connections stay and nothing comes through either way",
		Strike: disturbed(func(l *link, _ *rand.Rand) string { l.silent = [2]bool{true, true}; return "" })},
	{Name: "network-one-way", Takes: 4 * time.Second, linked: true, Sentence: "the same, but in one direction only",
		Strike: disturbed(func(l *link, rng *rand.Rand) string {
			direction := rng.IntN(2)
			l.silent[direction] = true
			return [2]string{", to the broker", ", from the broker"}[direction]
		})},
	{Name: "network-slow", Takes: 4 * time.Second, linked: true, Sentence: "for 1 to 4 seconds each piece on its way takes 20 to 220 milliseconds longer",
		Strike: disturbed(func(l *link, rng *rand.Rand) string {
			l.delay = time.Duration(20+rng.IntN(200)) * time.Millisecond
			return fmt.Sprintf(", %s each", l.delay)
		})},
	{Name: "network-reset", Takes: time.Second, linked: true, Sentence: "all connections of a process, or of the customers, are reset at once", Strike: reset},
	{Name: "network-twice", Takes: 4 * time.Second, linked: true, Strike: twice,
		Sentence: "for 1 to 4 seconds half of the messages or more come twice, the copy at once or up to 16 later"},
}

// disturbed strikes a drawn link for a while.
func disturbed(change func(*link, *rand.Rand) string) func(context.Context, *system, *rand.Rand) (string, error) {
	return func(ctx context.Context, s *system, rng *rand.Rand) (string, error) {
		l, d := drawn(s, rng)
		detail := fmt.Sprintf("%s for %s", l.name, d)
		l.disturb(func(l *link) { detail += change(l, rng) })
		defer l.heal()
		if !rest(ctx, d) {
			return detail, ctx.Err()
		}
		return detail, nil
	}
}

// drawn draws which link is disturbed, and how long.
func drawn(s *system, rng *rand.Rand) (*link, time.Duration) {
	return s.links[rng.IntN(len(s.links))], time.Second + time.Duration(rng.IntN(3000))*time.Millisecond
}

func reset(_ context.Context, s *system, rng *rand.Rand) (string, error) {
	l := s.links[rng.IntN(len(s.links))]
	n := 0
	l.disturb(func(l *link) { n = l.hangUp(0) })
	if n == 0 {
		return l.name, fmt.Errorf("%s has no connection: %w", l.name, errNotFired)
	}
	return l.name, nil
}

// twice carries messages of a drawn link twice, both ways. In a run by number customers may be waiting for the
// end of this fault; if nobody has said anything, there are transfers of its own.
func twice(ctx context.Context, s *system, rng *rand.Rand) (string, error) {
	l, lasts := drawn(s, rng)
	d := &doubling{share: 2 + rng.IntN(3), rng: rng} // only the link draws from here on
	l.disturb(func(l *link) { l.twice = d })
	defer l.heal()
	rest(ctx, lasts)
	limited, cancel := context.WithTimeout(ctx, metWithin)
	defer cancel()
	for i := 0; i < len(s.banks) && d.count(0) == 0; i++ {
		_ = s.probe(limited, i) // whether it ends is asked when all must be well again
	}
	detail := fmt.Sprintf("%s for %s, %d messages twice", l.name, lasts, d.count(0))
	if ctx.Err() == nil && d.count(0) == 0 {
		return detail, fmt.Errorf("%s: %w", detail, errNotFired)
	}
	return detail, ctx.Err()
}
