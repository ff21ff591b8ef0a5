package bench

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/girohq/giro/embedded"
	"github.com/girohq/giro/outbox"
	"github.com/jmoiron/sqlx"
)

// gauges read what a level costs, from the process and from the databases.
type gauges struct {
	node         *embedded.Node
	orchestrator *sqlx.DB
}

// reading is what the gauges show at one moment; the difference of two is a level's.
type reading struct {
	at      time.Time
	cpu     time.Duration
	commits int64 // of the orchestrator, all banks and the caller
	bytes   int64 // of the orchestrator's database
}

func openGauges(dir string, node *embedded.Node) (*gauges, error) {
	db, err := outbox.OpenReadOnly(filepath.Join(dir, embedded.OrchestratorFile))
	if err != nil {
		return nil, err
	}
	return &gauges{node: node, orchestrator: db}, nil
}

func (g *gauges) close() error { return g.orchestrator.Close() }

func (g *gauges) read(ctx context.Context, way entrance) (reading, error) {
	r := reading{at: time.Now(), cpu: cpuTime(), commits: g.node.Commits() + way.commits()}
	const size = `SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()`
	if err := g.orchestrator.GetContext(ctx, &r.bytes, size); err != nil {
		return r, fmt.Errorf("bench: size of the orchestrator's database: %w", err)
	}
	return r, nil
}
