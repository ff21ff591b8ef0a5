package client

import (
	"cmp"
	"context"
	"slices"

	"github.com/girohq/giro/internal/wire"
)

// PartRaces is what one part of the system has prevented since it was started.
type PartRaces = wire.Races

// Races asks every orchestrator and participant under the prefix for its counters, and returns what was
// answered, by part. It waits for the first answer until ctx ends, and then until none comes for 0.3 s;
// who is slower than that, or away, is missing.
func (c *Client) Races(ctx context.Context) ([]PartRaces, error) {
	all, err := gather[PartRaces](ctx, c, wire.VerbRaces)
	slices.SortFunc(all, func(a, b PartRaces) int { return cmp.Or(cmp.Compare(a.Part, b.Part), cmp.Compare(a.Store, b.Store)) })
	return all, err
}
