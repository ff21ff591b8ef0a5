package client

import (
	"context"

	"github.com/girohq/giro/internal/wire"
)

// What is told of databases that are older copies.
type (
	Member     = wire.Member     // a participant, and its quarantine if it has one
	Roll       = wire.Roll       // all participants, by name
	Copy       = wire.Copy       // whether the orchestrator's database is an older copy
	StrayedRow = wire.StrayedRow // a step that a participant knows of and the orchestrator does not
)

// Participants lists the participants that have ever said hello.
func (c *Client) Participants(ctx context.Context) (Roll, error) {
	return call[Roll](ctx, c, wire.VerbRoll, struct{}{})
}

// AcceptParticipant lets a quarantined participant serve with the database it has: what that lacks is not done again.
func (c *Client) AcceptParticipant(ctx context.Context, name, reason string) (Member, error) {
	return call[Member](ctx, c, wire.VerbAccept, wire.RollRequest{Name: name, Reason: reason})
}

// ReplayParticipant has what the database of a quarantined participant lacks done again.
func (c *Client) ReplayParticipant(ctx context.Context, name, reason string) (Member, error) {
	return call[Member](ctx, c, wire.VerbReplay, wire.RollRequest{Name: name, Reason: reason})
}

// Restored says whether the orchestrator's database is an older copy, and what participants know more of.
func (c *Client) Restored(ctx context.Context) (Copy, error) {
	return call[Copy](ctx, c, wire.VerbCopy, struct{}{})
}

// AcceptRestored lets an orchestrator go on with an older copy. With force it does so although participants have
// not told what they know.
func (c *Client) AcceptRestored(ctx context.Context, reason string, force bool) (Copy, error) {
	return call[Copy](ctx, c, wire.VerbCopyAccept, wire.CopyRequest{Reason: reason, Force: force})
}
