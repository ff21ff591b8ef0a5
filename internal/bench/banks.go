package bench

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/girohq/giro/client"
	"github.com/girohq/giro/internal/farm"
	"github.com/girohq/giro/internal/wire"
)

// apart are banks that run as processes of their own.
type apart struct {
	processes []*farm.Process
	said      *tail
}

const (
	accountsFile = "accounts.csv"
	openWithin   = 2 * time.Minute // the accounts of a bank, on a slow disk
	endWithin    = 30 * time.Second
)

// startBanks starts the banks of a world, if they are processes of their own, and waits until the orchestrator knows
// them. url is the broker's, or empty if it is elsewhere.
func (cfg Config) startBanks(ctx context.Context, c *client.Client, url string) (*apart, error) {
	a := &apart{said: &tail{}}
	if cfg.Program == "" {
		return a, nil
	}
	path := filepath.Join(cfg.Data, accountsFile)
	if err := cfg.writeAccounts(path); err != nil {
		return nil, err
	}
	reach := cfg.Reach
	if url != "" {
		reach = []string{"--server", url}
	}
	for _, b := range cfg.branches() {
		p := &farm.Process{Name: "bank " + b.Bank, Output: a.said,
			Args: append([]string{cfg.Program, "participant", "ledger", "--bank", b.Bank, "--data", cfg.Data, "--accounts", path, "--prefix", cfg.Prefix}, reach...)}
		a.processes = append(a.processes, p)
		if err := p.Start(); err != nil {
			return nil, errors.Join(err, a.close())
		}
	}
	if err := a.ready(ctx, c); err != nil {
		return nil, errors.Join(err, a.close())
	}
	return a, nil
}

// ready waits until each bank may serve.
func (a *apart) ready(ctx context.Context, c *client.Client) error {
	ctx, cancel := context.WithTimeout(ctx, openWithin)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		roll, err := c.Participants(ctx)
		serving := 0
		for _, m := range roll.Items {
			if m.State == wire.MemberServing {
				serving++
			}
		}
		if err == nil && serving >= len(a.processes) {
			return nil
		}
		for _, p := range a.processes {
			if deaths := p.Deaths(); len(deaths) > 0 {
				return fmt.Errorf("bench: %s has ended (%s): %s", p.Name, deaths[0].How, a.said)
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("bench: %d of %d banks serve: %w: %s", serving, len(a.processes), context.Cause(ctx), a.said)
		}
	}
}

// close ends the processes.
func (a *apart) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), endWithin)
	defer cancel()
	var errs []error
	for _, p := range a.processes {
		errs = append(errs, p.End(ctx, syscall.SIGTERM))
	}
	return errors.Join(errs...)
}

func (cfg Config) writeAccounts(path string) error {
	var buf bytes.Buffer
	w := csv.NewWriter(&buf)
	_ = w.Write([]string{"bank", "account", "currency", "balance"}) // into memory
	for _, b := range cfg.branches() {
		for _, a := range b.Accounts {
			_ = w.Write([]string{b.Bank, a.Account, a.Currency, strconv.FormatInt(a.Balance/100, 10)}) // as above
		}
	}
	w.Flush()
	return os.WriteFile(path, buf.Bytes(), 0o600)
}

// tail keeps the end of what was written.
type tail struct {
	mu  sync.Mutex
	end []byte
}

const tailBytes = 2000

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.end = append(t.end, b...)
	t.end = t.end[max(0, len(t.end)-tailBytes):]
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.end)
}
