package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/girohq/giro/internal/audit"
	"github.com/girohq/giro/internal/drive"
	"github.com/girohq/giro/internal/floor"
	"github.com/rs/zerolog"
)

// ShareConfig says at which loads Giro is compared with the floor. Data is an existing, empty directory.
type ShareConfig struct {
	Data     string
	Clients  []int
	Duration time.Duration // of each round of each of the two
	Rounds   int           // in turn; the medians count
	Accounts int           // of each bank; default 10,000
	Log      zerolog.Logger
	// Begun is called when a round begins. Optional.
	Begun func(what string)
}

// Shares is Giro beside the floor: see package floor for what that is.
type Shares struct {
	World      string        `json:"world"`
	Durability string        `json:"durability"`
	Rounds     int           `json:"rounds"`
	Levels     []Share       `json:"levels"`
	Audit      *audit.Report `json:"audit"`
}

// Share is one number of clients. PerSecond and CPU are Giro's parts of the floor: 1 would be the least that can be.
type Share struct {
	Clients   int     `json:"clients"`
	PerSecond float64 `json:"share_per_second"`
	CPU       float64 `json:"share_cpu"`
	Floor     Level   `json:"floor"`
	Giro      Level   `json:"giro"`
}

// RunShares measures Giro and the floor in turn, on the same machine in the same minutes.
func RunShares(ctx context.Context, cfg ShareConfig) (*Shares, error) {
	if cfg.Rounds < 1 || cfg.Duration <= 0 || len(cfg.Clients) == 0 {
		return nil, errors.New("bench: rounds, a duration and numbers of clients are needed")
	}
	giro, _, err := Config{Data: filepath.Join(cfg.Data, "giro"), Clients: cfg.Clients, Duration: cfg.Duration, Log: cfg.Log,
		World: World{Accounts: cfg.Accounts}}.checked()
	if err != nil {
		return nil, err
	}
	r := &Shares{World: giro.describe(), Durability: giro.durability(), Rounds: cfg.Rounds}
	err = cfg.withFloor(ctx, giro.Accounts, func(ctx context.Context, f *floor.Floor) error {
		return giro.on(ctx, func(ctx context.Context, s *site) error {
			for _, clients := range cfg.Clients {
				share, err := cfg.share(ctx, giro, s, f, clients)
				if err != nil {
					return err
				}
				r.Levels = append(r.Levels, share)
			}
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	r.Audit, err = judge(ctx, giro.Data)
	return r, err
}

// withFloor runs the floor while use runs.
func (cfg ShareConfig) withFloor(ctx context.Context, accounts int, use func(context.Context, *floor.Floor) error) error {
	f, err := floor.Open(ctx, floor.Config{Dir: filepath.Join(cfg.Data, "floor"), Accounts: accounts, Log: cfg.Log})
	if err != nil {
		return err
	}
	return drive.While(ctx, f, func(ctx context.Context) error { return use(ctx, f) })
}

// share measures one number of clients.
func (cfg ShareConfig) share(ctx context.Context, giro Config, s *site, f *floor.Floor, clients int) (Share, error) {
	var least, own []Level
	f.Expect(clients)
	for round := range cfg.Rounds {
		say := func(what string) {
			if cfg.Begun != nil {
				cfg.Begun(fmt.Sprintf("%s, %d clients, round %d of %d", what, clients, round+1, cfg.Rounds))
			}
		}
		say("the floor")
		l := Level{Clients: clients}
		if _, err := giro.drive(ctx, &l, f, func(context.Context) (reading, error) {
			return reading{at: time.Now(), cpu: cpuTime(), commits: f.Commits()}, nil
		}); err != nil {
			return Share{}, err
		}
		least = append(least, l)
		say("Giro")
		l = Level{Door: NATS, Durability: NATS.Durability(), Clients: clients}
		if err := giro.measure(ctx, s, &l); err != nil {
			return Share{}, err
		}
		own = append(own, l)
	}
	share := Share{Clients: clients, Floor: median(least), Giro: median(own)}
	share.PerSecond, share.CPU = share.Giro.PerSecond/share.Floor.PerSecond, share.Giro.CPU/share.Floor.CPU
	return share, nil
}

// median is a level with the median of each figure of several.
func median(levels []Level) Level {
	m := levels[0]
	m.PerSecond = middle(levels, func(l Level) float64 { return l.PerSecond })
	m.CPU = middle(levels, func(l Level) float64 { return l.CPU })
	m.Commits = middle(levels, func(l Level) float64 { return l.Commits })
	m.Bytes = middle(levels, func(l Level) float64 { return l.Bytes })
	m.Latency = drive.Latency{
		P50: middle(levels, func(l Level) time.Duration { return l.Latency.P50 }),
		P99: middle(levels, func(l Level) time.Duration { return l.Latency.P99 }),
		Max: middle(levels, func(l Level) time.Duration { return l.Latency.Max }),
	}
	return m
}

func middle[T cmp.Ordered](levels []Level, of func(Level) T) T {
	values := make([]T, len(levels))
	for i, l := range levels {
		values[i] = of(l)
	}
	slices.Sort(values)
	return values[len(values)/2]
}
