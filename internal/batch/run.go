package batch

import (
	"context"
	"time"

	"github.com/girohq/giro/client"
	"github.com/girohq/giro/embedded"
	"github.com/girohq/giro/internal/audit"
	"github.com/girohq/giro/internal/drive"
	"github.com/girohq/giro/participants/ledger"
	"github.com/rs/zerolog"
)

// DefaultWindow is how many transfers are under way at a time.
const DefaultWindow = 512

// Config says where and how a batch runs. Data is required.
type Config struct {
	Data   string
	Prefix string
	Adopt  bool // take over streams of another store
	Window int  // transfers under way at a time; default DefaultWindow
	Log    zerolog.Logger
	// Strategies of the banks, as [ledger.Assign] takes them.
	Strategies map[string]ledger.Strategy
	// Tally counts while the batch runs, for whoever shows the progress. Default: a new one.
	Tally *drive.Tally
	// Begun is called when it is known how many transfers had ended before. Optional.
	Begun func(alreadyDone int)
}

// Run runs the batch to its end and audits the directory. The errors are [*Conflicts], those of
// [embedded.New] such as a directory in use, and the context's cause: then the result says how far
// the run came, and the same batch goes on from there.
func (b *Batch) Run(ctx context.Context, cfg Config) (*Result, error) {
	if cfg.Tally == nil {
		cfg.Tally = drive.NewTally()
	}
	if cfg.Window == 0 {
		cfg.Window = DefaultWindow
	}
	k, err := b.look(ctx, cfg.Data)
	if err != nil {
		return nil, err
	}
	if err := b.conflicts(k.taken); err != nil {
		return nil, err
	}
	if cfg.Begun != nil {
		cfg.Begun(len(k.ended))
	}
	r := &Result{Transfers: len(b.transfers), AlreadyDone: len(k.ended), Before: k.counts}
	if err := b.drive(ctx, cfg, k, r); err != nil {
		return r, err
	}
	files, err := audit.In(cfg.Data)
	if err != nil {
		return r, err
	}
	r.Audit, err = audit.Run(ctx, files)
	return r, err
}

// drive brings everything up, runs what has not ended, and takes everything down.
func (b *Batch) drive(ctx context.Context, cfg Config, k known, r *Result) error {
	branches, err := WithExisting(cfg.Data, b.branches)
	if err != nil {
		return err
	}
	if err := ledger.Assign(branches, cfg.Strategies); err != nil {
		return err
	}
	node := embedded.Config{Data: cfg.Data, Prefix: cfg.Prefix, Adopt: cfg.Adopt, Banks: branches, Log: cfg.Log}
	return drive.On(ctx, node, func(ctx context.Context, c *client.Client, _ *embedded.Node) error {
		d := &drive.Driver{Starter: c, Clients: cfg.Window, Tally: cfg.Tally, Next: b.jobs(k.ended)}
		began := time.Now()
		err := d.Run(ctx)
		r.Took, r.Counts, r.Latency = time.Since(began), cfg.Tally.Counts(), cfg.Tally.Latency()
		return err
	})
}

// jobs gives the transfers in the order of the file, without those that have ended.
func (b *Batch) jobs(ended map[string]bool) func() (drive.Job, bool) {
	i := 0
	return func() (drive.Job, bool) {
		for ; i < len(b.transfers); i++ {
			if t := b.transfers[i]; !ended[t.ID] {
				i++
				return drive.Job{Type: sagaType, ID: t.ID, Input: t.Input()}, true
			}
		}
		return drive.Job{}, false
	}
}
