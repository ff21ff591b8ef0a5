package client

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/girohq/giro/internal/wire"
	"github.com/nats-io/nats.go"
)

// Candidacy is how one of the processes stands that were started with --standby.
type Candidacy = wire.Candidacy

// Candidates asks every process that was started with --standby how it stands, and returns those that
// answer soon, by what they are candidates of. None is no error.
func (c *Client) Candidates(ctx context.Context) ([]Candidacy, error) {
	all, err := gather[Candidacy](ctx, c, wire.Candidates)
	if errors.Is(err, nats.ErrNoResponders) {
		return nil, nil
	}
	slices.SortFunc(all, func(a, b Candidacy) int { return cmp.Or(cmp.Compare(a.Of, b.Of), cmp.Compare(a.Owner, b.Owner)) })
	return all, err
}
