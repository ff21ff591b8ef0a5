package torture

import (
	"cmp"
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/rs/zerolog"
)

// Config says what is tortured, how long and by what. Dir is required, and Duration or Transfers.
type Config struct {
	Dir       string        // of all that is kept; empty or missing
	Binary    string        // the path of giro; default: this program
	Duration  time.Duration // how long customers come; longer if the faults are not through by then
	Transfers int           // how many are asked for, instead of Duration
	Strikes   int           // about how many, in whole rounds of the faults; 0: what the length is good for
	Seed      uint64        // of the faults and the transfers
	Faults    []string      // by name; empty: all
	Clients   int           // customers at the same time; default 16
	Banks     int           // 2 to 26; default 3
	Log       zerolog.Logger
}

const (
	defaultClients = 16
	maxClients     = 1024
	defaultBanks   = 3
	maxBanks       = 26
)

// checked returns the config with its defaults, or says what is wrong with it.
func (c Config) checked() (Config, error) {
	c.Clients, c.Banks = cmp.Or(c.Clients, defaultClients), cmp.Or(c.Banks, defaultBanks)
	switch {
	case c.Dir == "":
		return c, fmt.Errorf("%w: Dir is required", ErrConfig)
	case (c.Duration > 0) == (c.Transfers > 0):
		return c, fmt.Errorf("%w: exactly one of Duration and Transfers must be positive", ErrConfig)
	case c.Strikes < 0:
		return c, fmt.Errorf("%w: %d strikes are too few", ErrConfig, c.Strikes)
	case c.Clients < 1 || c.Clients > maxClients:
		return c, fmt.Errorf("%w: %d clients are not 1 to %d", ErrConfig, c.Clients, maxClients)
	case c.Banks < 2 || c.Banks > maxBanks:
		return c, fmt.Errorf("%w: %d banks are not 2 to %d", ErrConfig, c.Banks, maxBanks)
	}
	if c.Binary == "" {
		self, err := os.Executable()
		if err != nil {
			return c, err
		}
		c.Binary = self
	}
	if err := os.MkdirAll(c.Dir, 0o750); err != nil {
		return c, err
	}
	entries, err := os.ReadDir(c.Dir)
	if err != nil {
		return c, err
	}
	if len(entries) > 0 {
		return c, fmt.Errorf("torture in %s: %w", c.Dir, ErrData)
	}
	return c, nil
}

// Machine says where a run was made.
func Machine() string {
	return fmt.Sprintf("%s/%s, %d cores, %s", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version())
}
