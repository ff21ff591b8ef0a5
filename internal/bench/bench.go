package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

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
	World
}

// Report is what was measured.
type Report struct {
	World      string        `json:"world"`
	Durability string        `json:"durability"`
	Levels     []Level       `json:"levels"`
	Audit      *audit.Report `json:"audit"`
}

// Level is one number of clients, or one rate, at one door. CPU is that of the whole process, its clients and its
// brokers included, and on Linux that of banks in processes of their own.
type Level struct {
	Door        Door    `json:"door"`
	Durability  string  `json:"durability"`        // what is on a disk before the caller goes on
	Clients     int     `json:"clients,omitempty"` // of a closed loop
	Rate        float64 `json:"rate,omitempty"`    // of an open loop: transfers that arrive in a second
	Transfers   int     `json:"transfers"`
	Completed   int     `json:"completed"`
	Compensated int     `json:"compensated"`
	Seconds     float64 `json:"seconds"`
	PerSecond   float64 `json:"per_second"`
	// Latency is, in an open loop, from when a transfer should have begun. Hot and Others are parts of it, where
	// there is a hot account.
	Latency drive.Latency  `json:"latency_ms"`
	Hot     *drive.Latency `json:"hot_latency_ms,omitempty"`
	Others  *drive.Latency `json:"others_latency_ms,omitempty"`
	CPU     float64        `json:"cpu_seconds_per_1000"`
	Commits float64        `json:"commits_per_1000"` // of orchestrator, banks and the caller's database; each is one fsync
	Bytes   float64        `json:"bytes_per_saga"`   // in the orchestrator's database
}

// Run measures every level of every door on one node, one after the other, and audits what they have done.
func Run(ctx context.Context, cfg Config) (*Report, error) {
	cfg, levels, err := cfg.checked()
	if err != nil {
		return nil, err
	}
	r := &Report{World: cfg.describe(), Durability: cfg.durability()}
	err = cfg.on(ctx, func(ctx context.Context, s *site) error {
		for _, level := range levels {
			if err := cfg.measure(ctx, s, &level); err != nil {
				return err
			}
			r.Levels = append(r.Levels, level)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	r.Audit, err = judge(ctx, cfg.Data)
	return r, err
}

// judge audits what was done in a directory.
func judge(ctx context.Context, dir string) (*audit.Report, error) {
	files, err := audit.In(dir)
	if err != nil {
		return nil, err
	}
	return audit.Run(ctx, files)
}

// checked fills the defaults in and says what is to be measured, or what is wrong.
func (cfg Config) checked() (Config, []Level, error) {
	var err error
	if cfg.World, err = cfg.World.checked(); err != nil {
		return cfg, nil, fmt.Errorf("bench: %w", err)
	}
	levels, err := cfg.levels()
	return cfg, levels, err
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
func (cfg Config) measure(ctx context.Context, s *site, level *Level) (err error) {
	if cfg.Begun != nil {
		cfg.Begun(*level)
	}
	way, err := cfg.enter(ctx, level.Door, s.client, s.node)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, way.close()) }()
	tally, err := cfg.drive(ctx, level, way, func(ctx context.Context) (reading, error) { return s.read(ctx, way) })
	if err != nil {
		return err
	}
	if cfg.World.Hot > 0 {
		own, rest := tally.LatencyOf(hot), tally.LatencyOf(others)
		level.Hot, level.Others = &own, &rest
	}
	return nil
}

// drive puts a level's load on and fills in what was measured.
func (cfg Config) drive(ctx context.Context, level *Level, way drive.Starter, read func(context.Context) (reading, error)) (*drive.Tally, error) {
	tally := drive.NewTally()
	d := &drive.Driver{Starter: way, Clients: level.Clients, Rate: level.Rate, For: cfg.Duration, Tally: tally, Next: cfg.load(time.Now()).next}
	if level.Rate > 0 {
		d.Clients = drive.MaxClients
	}
	before, err := read(ctx)
	if err != nil {
		return nil, err
	}
	if err := d.Run(ctx); err != nil {
		return nil, err
	}
	after, err := read(ctx)
	if err != nil {
		return nil, err
	}
	level.fill(tally, before, after)
	return tally, nil
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
