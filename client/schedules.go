package client

import (
	"context"

	"github.com/girohq/giro/internal/wire"
)

// ApplySchedule stores a schedule, given as JSON or YAML, that starts a saga again and again. The same content
// again changes nothing, another one under its name replaces it.
func (c *Client) ApplySchedule(ctx context.Context, source []byte) (Schedule, error) {
	var s Schedule
	data, err := c.ask(ctx, "schedules.apply", source)
	if err != nil {
		return s, err
	}
	return s, decode("schedules.apply", data, &s)
}

// Schedules lists all schedules by name. It asks for one page after the other.
func (c *Client) Schedules(ctx context.Context) (ScheduleList, error) {
	return wire.AllSchedules(func(req wire.ScheduleListRequest) (ScheduleList, error) {
		return call[ScheduleList](ctx, c, "schedules.list", req)
	})
}

// Schedule returns one schedule and how it fares.
func (c *Client) Schedule(ctx context.Context, name string) (Schedule, error) {
	return call[Schedule](ctx, c, "schedules.get", wire.ScheduleRequest{Name: name})
}

// DeleteSchedule ends a schedule and returns it as it was. What it has started goes on.
func (c *Client) DeleteSchedule(ctx context.Context, name string) (Schedule, error) {
	return call[Schedule](ctx, c, "schedules.delete", wire.ScheduleRequest{Name: name})
}
