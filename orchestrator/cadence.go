package orchestrator

import (
	"errors"
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // zones are known on every machine

	"github.com/robfig/cron/v3"
)

// cadence says when a schedule ticks.
//
// Where clocks are set, a schedule with fixed hours ticks once for each time that it names on the wall: what
// falls into the hour that is left out ticks as much later, what falls into the hour that comes twice
// ticks the first time. One that ticks in every hour goes by real time.
type cadence struct {
	spec   *cron.SpecSchedule
	zone   *time.Location
	hourly bool
}

var cronFields = cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor)

// everyHour are the bits of an hour field that leaves none out.
const everyHour = 1<<24 - 1

func parseCadence(expression, zone string) (*cadence, error) {
	loc, err := time.LoadLocation(zone)
	if err != nil || zone == "Local" {
		return nil, fmt.Errorf("zone: there is no zone %q: write an IANA name such as Europe/Prague", zone)
	}
	var spec *cron.SpecSchedule
	if strings.Contains(expression, "TZ=") {
		return nil, errors.New("cron: the zone has a field of its own: zone: ...")
	}
	parsed, err := cronFields.Parse(expression)
	if err != nil {
		return nil, fmt.Errorf("cron: %w: write five fields: minute, hour, day of the month, month, day of the week", err)
	}
	spec, ok := parsed.(*cron.SpecSchedule)
	if !ok {
		return nil, fmt.Errorf("cron: %s has no fixed times: write five fields such as \"*/5 * * * *\"", expression)
	}
	spec.Location = loc
	return &cadence{spec: spec, zone: loc, hourly: spec.Hour&everyHour == everyHour}, nil
}

// next is the first tick after a time; zero: there is none.
func (c *cadence) next(after time.Time) time.Time {
	if c.hourly {
		return c.spec.Next(after).UTC()
	}
	y, m, d := after.In(c.zone).Date()
	h, min, s := after.In(c.zone).Clock()
	wall := time.Date(y, m, d, h, min, s, 0, time.UTC) // what the wall shows, as if it were UTC
	wall = wall.Add(-c.leftOut(after))
	onWall := *c.spec
	onWall.Location = time.UTC
	for {
		if wall = onWall.Next(wall); wall.IsZero() {
			return wall
		}
		if at := c.instant(wall); at.After(after) {
			return at
		}
	}
}

// leftOut is how much of the wall the clocks have just passed over: what was to tick in it may still come.
func (c *cadence) leftOut(at time.Time) time.Duration {
	const lately = 24 * time.Hour
	_, before := at.Add(-lately).In(c.zone).Zone()
	_, now := at.In(c.zone).Zone()
	return time.Duration(max(0, now-before)) * time.Second
}

// instant is when the wall shows that time, for the first time; where it never does, as much after the
// clocks are set as it is behind.
func (c *cadence) instant(wall time.Time) time.Time {
	const around = 24 * time.Hour // clocks are not set twice in two days
	_, before := wall.Add(-around).In(c.zone).Zone()
	_, after := wall.Add(around).In(c.zone).Zone()
	first := wall.Add(-time.Duration(before) * time.Second)
	second := wall.Add(-time.Duration(after) * time.Second)
	if !shows(first, wall, c.zone) && shows(second, wall, c.zone) {
		return second
	}
	return first
}

func shows(at, wall time.Time, zone *time.Location) bool {
	return at.In(zone).Format(time.DateTime) == wall.Format(time.DateTime)
}

// latest are the last n ticks from one time to another, both included, oldest first. It looks back no farther
// than it must: years may have passed.
func (c *cadence) latest(from, to time.Time, n int) []time.Time {
	for back := time.Hour; ; back *= 4 {
		begin := to.Add(-back)
		whole := begin.Before(from) || back > 10*365*24*time.Hour
		if whole {
			begin = from.Add(-time.Nanosecond)
		}
		var ticks []time.Time
		for at := c.next(begin); !at.IsZero() && !at.After(to); at = c.next(at) {
			ticks = append(ticks, at)
		}
		if len(ticks) >= n || whole {
			return ticks[max(0, len(ticks)-n):]
		}
	}
}
