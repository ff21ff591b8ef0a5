package main

import (
	"os"
	"strings"
	"sync"
	"time"

	"github.com/spf13/pflag"
)

// tortureClock is the system's clock, and ahead of it by what a file says, a duration: `giro torture` makes
// clocks jump by it. Without the file it is right.
type tortureClock struct {
	file string

	mu     sync.Mutex
	read   time.Time
	offset time.Duration
}

// clockLooks is how often the file is read.
const clockLooks = 20 * time.Millisecond

func (c *tortureClock) register(flags *pflag.FlagSet) {
	flags.StringVar(&c.file, "clock", "", "`FILE` that says how far ahead the clock is")
	_ = flags.MarkHidden("clock") // the flag was just added
}

// source is nil where no file was named.
func (c *tortureClock) source() func() time.Time {
	if c.file == "" {
		return nil
	}
	return c.now
}

func (c *tortureClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if now.Sub(c.read) >= clockLooks {
		c.read, c.offset = now, 0
		if said, err := os.ReadFile(c.file); err == nil {
			c.offset, _ = time.ParseDuration(strings.TrimSpace(string(said))) // of no use: 0
		}
	}
	return now.Add(c.offset)
}
