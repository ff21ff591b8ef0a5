package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/girohq/giro/client"
	"github.com/girohq/giro/embedded"
	"github.com/girohq/giro/internal/audit"
	"github.com/girohq/giro/internal/drive"
	"github.com/rs/zerolog"
)

// Config says what to measure. Data, one of Clients and Rates, and one of Duration and Transfers must be set.
type Config struct {
	Data      string        // an existing directory
	Doors     []Door        // one after the other; default NATS
	Clients   []int         // a level for each: a closed loop
	Rates     []float64     // a level for each: an open loop, transfers a second
	Duration  time.Duration // of a level
	Transfers int           // of a level
	Log       zerolog.Logger
	// Begun is called when a level begins. Optional.
	Begun func(Level)

	accounts int // of each bank, 0: accountsEach; tests need few
}

// Report is what was measured.
type Report struct {
	Durability string        `json:"durability"`
	Levels     []Level       `json:"levels"`
	Audit      *audit.Report `json:"audit"`
}

// Durability is what is in force while the bench runs, and in every other run: it has no switch.
const Durability = "SQLite synchronous=FULL: every commit is synced before anything is sent; " +
	"NATS sync_interval=always for starts, commands and replies may be made again"

// Level is one number of clients, or one rate, at one door. CPU is that of the whole process, its clients
// and broker included.
type Level struct {
	Door        Door          `json:"door"`
	Durability  string        `json:"durability"`        // what is on a disk before the caller goes on
	Clients     int           `json:"clients,omitempty"` // of a closed loop
	Rate        float64       `json:"rate,omitempty"`    // of an open loop: transfers that arrive in a second
	Transfers   int           `json:"transfers"`
	Completed   int           `json:"completed"`
	Compensated int           `json:"compensated"`
	Seconds     float64       `json:"seconds"`
	PerSecond   float64       `json:"per_second"`
	Latency     drive.Latency `json:"latency_ms"` // in an open loop from when a transfer should have begun
	CPU         float64       `json:"cpu_seconds_per_1000"`
	Commits     float64       `json:"commits_per_1000"` // of orchestrator, banks and the caller's database; each is one fsync
	Bytes       float64       `json:"bytes_per_saga"`   // in the orchestrator's database
}

// Run measures every level of every door on one node, one after the other, and audits what they have done.
func Run(ctx context.Context, cfg Config) (*Report, error) {
	levels, err := cfg.levels()
	if err != nil {
		return nil, err
	}
	r := &Report{Durability: Durability}
	node := embedded.Config{Data: cfg.Data, Banks: cfg.branches(), Log: cfg.Log}
	err = drive.On(ctx, node, func(ctx context.Context, c *client.Client, node *embedded.Node) error {
		g, err := openGauges(cfg.Data, node)
		if err != nil {
			return err
		}
		defer g.close()
		for _, level := range levels {
			if err := cfg.measure(ctx, c, node, g, &level); err != nil {
				return err
			}
			r.Levels = append(r.Levels, level)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	files, err := audit.In(cfg.Data)
	if err != nil {
		return nil, err
	}
	r.Audit, err = audit.Run(ctx, files)
	return r, err
}

// levels are all that is to be measured, in this order.
func (cfg Config) levels() (all []Level, err error) {
	if (cfg.Duration > 0) == (cfg.Transfers > 0) {
		return nil, errors.New("bench: either a duration or a number of transfers")
	}
	if (len(cfg.Clients) > 0) == (len(cfg.Rates) > 0) {
		return nil, errors.New("bench: either numbers of clients or rates")
	}
	doors := cfg.Doors
	if len(doors) == 0 {
		doors = []Door{NATS}
	}
	for _, d := range doors {
		if err := d.Check(); err != nil {
			return nil, fmt.Errorf("bench: %w", err)
		}
		for _, n := range cfg.Clients {
			if n < 1 || n > drive.MaxClients {
				return nil, fmt.Errorf("bench: %d clients are not 1 to %d", n, drive.MaxClients)
			}
			all = append(all, Level{Door: d, Durability: d.Durability(), Clients: n})
		}
		for _, rate := range cfg.Rates {
			if !(rate > 0 && rate <= MaxRate) {
				return nil, fmt.Errorf("bench: a rate of %v is not above 0 and at most %d", rate, MaxRate)
			}
			all = append(all, Level{Door: d, Durability: d.Durability(), Rate: rate})
		}
	}
	return all, nil
}

// MaxRate bounds the transfers that arrive in a second.
const MaxRate = 100_000

// measure runs one level.
func (cfg Config) measure(ctx context.Context, c *client.Client, node *embedded.Node, g *gauges, level *Level) (err error) {
	if cfg.Begun != nil {
		cfg.Begun(*level)
	}
	way, err := cfg.enter(ctx, level.Door, c, node)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, way.close()) }()
	tally := drive.NewTally()
	d := &drive.Driver{Starter: way, Clients: level.Clients, Rate: level.Rate, Tally: tally, Next: cfg.jobs(time.Now())}
	if level.Rate > 0 {
		d.Clients = drive.MaxClients
	}
	before, err := g.read(ctx, way)
	if err != nil {
		return err
	}
	if err := d.Run(ctx); err != nil {
		return err
	}
	after, err := g.read(ctx, way)
	if err != nil {
		return err
	}
	level.fill(tally, before, after)
	return nil
}

func (l *Level) fill(tally *drive.Tally, before, after reading) {
	counts := tally.Counts()
	n := float64(max(counts.Sum(), 1))
	l.Transfers, l.Completed, l.Compensated = counts.Sum(), counts.Completed, counts.Compensated
	l.Seconds = after.at.Sub(before.at).Seconds()
	l.PerSecond = float64(counts.Sum()) / l.Seconds
	l.Latency = tally.Latency()
	l.CPU = (after.cpu - before.cpu).Seconds() / n * 1000
	l.Commits = float64(after.commits-before.commits) / n * 1000
	l.Bytes = float64(after.bytes-before.bytes) / n
}
