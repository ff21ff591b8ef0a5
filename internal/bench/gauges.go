package bench

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/girohq/giro/embedded"
	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/participants/ledger"
	"github.com/jmoiron/sqlx"
)

// gauges read what a level costs, from the processes and from the databases.
type gauges struct {
	node         *embedded.Node
	orchestrator *sqlx.DB
	pids         []int      // of banks in processes of their own
	banks        []*sqlx.DB // theirs
}

// reading is what the gauges show at one moment; the difference of two is a level's.
type reading struct {
	at      time.Time
	cpu     time.Duration
	commits int64 // of the orchestrator, all banks and the caller
	bytes   int64 // of the orchestrator's database
}

func openGauges(cfg Config, node *embedded.Node, banks *apart) (*gauges, error) {
	g := &gauges{node: node}
	var err error
	if g.orchestrator, err = outbox.OpenReadOnly(filepath.Join(cfg.Data, embedded.OrchestratorFile)); err != nil {
		return nil, err
	}
	for i, p := range banks.processes {
		db, err := outbox.OpenReadOnly(filepath.Join(cfg.Data, ledger.FileName(bankName(i))))
		if err != nil {
			return nil, errors.Join(err, g.close())
		}
		g.pids, g.banks = append(g.pids, p.PID()), append(g.banks, db)
	}
	return g, nil
}

func (g *gauges) close() error {
	errs := []error{g.orchestrator.Close()}
	for _, db := range g.banks {
		errs = append(errs, db.Close())
	}
	return errors.Join(errs...)
}

func (g *gauges) read(ctx context.Context, way entrance) (reading, error) {
	r := reading{at: time.Now(), cpu: cpuTime(), commits: g.node.Commits() + way.commits()}
	const size = `SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()`
	if err := g.orchestrator.GetContext(ctx, &r.bytes, size); err != nil {
		return r, fmt.Errorf("bench: size of the orchestrator's database: %w", err)
	}
	for i, db := range g.banks {
		var n int64
		if err := db.GetContext(ctx, &n, `SELECT number FROM inbox_commits`); err != nil {
			return r, fmt.Errorf("bench: commits of bank %s: %w", bankName(i), err)
		}
		cpu, err := cpuOf(g.pids[i])
		if err != nil {
			return r, fmt.Errorf("bench: bank %s: %w", bankName(i), err)
		}
		r.commits, r.cpu = r.commits+n, r.cpu+cpu
	}
	return r, nil
}
