package client

import (
	"context"

	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/saga"
)

// The answers of the API, one shape for every door.
type (
	Moment            = wire.Moment            // one line of a saga's history
	History           = wire.History           // all that moved a saga, oldest first
	ListRequest       = wire.ListRequest       // which sagas to list; the zero value is the newest hundred
	List              = wire.List              // a page of sagas, newest first
	AppliedDefinition = wire.AppliedDefinition // a stored version of a definition
	DefinitionList    = wire.DefinitionList    // every version of every definition
	MigrateRequest    = wire.MigrateRequest    // which sagas go to which version
	Migration         = wire.Migration         // what a migration has done
	Schedule          = wire.Schedule          // a schedule and how it fares
	ScheduleList      = wire.ScheduleList      // all schedules, by name
	PauseRequest      = wire.PauseRequest      // what is paused or resumed, and why
	Pause             = wire.Pause             // something that is paused
	PauseList         = wire.PauseList         // all that is paused
	Health            = wire.Health            // whether the orchestrator does its work
)

// Get returns a saga as it stands. One that does not exist is a *Problem with [CodeNotFound].
func (c *Client) Get(ctx context.Context, id string) (saga.Document, error) {
	return call[saga.Document](ctx, c, "get", wire.IDRequest{ID: id})
}

// List returns a page of sagas.
func (c *Client) List(ctx context.Context, req ListRequest) (List, error) {
	return call[List](ctx, c, "list", req)
}

// History returns everything that moved a saga.
func (c *Client) History(ctx context.Context, id string) (History, error) {
	return call[History](ctx, c, "history", wire.IDRequest{ID: id})
}

// Pauses lists what is paused.
func (c *Client) Pauses(ctx context.Context) (PauseList, error) {
	return call[PauseList](ctx, c, "pauses", struct{}{})
}

// Health asks the orchestrator how it is.
func (c *Client) Health(ctx context.Context) (Health, error) {
	return call[Health](ctx, c, "health", struct{}{})
}
