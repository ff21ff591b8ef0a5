package audit

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/outbox/postgres"
	"github.com/jmoiron/sqlx"
)

// Files are the databases of one audit.
type Files struct {
	Orchestrator string
	// Banks are files, named ledger-<bank>.db, or URLs of Postgres databases, whose search_path names the
	// schema ledger-<bank>.
	Banks []string
	// Clients are logs of what clients were told, as internal/witness has them; none is needed.
	Clients []string
}

// In finds the databases of a data directory.
func In(dir string) (Files, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return Files{}, fmt.Errorf("audit: look into the data directory: %w", err)
	}
	f := Files{Orchestrator: filepath.Join(dir, "orchestrator.db")}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "ledger-") && strings.HasSuffix(e.Name(), ".db") {
			f.Banks = append(f.Banks, filepath.Join(dir, e.Name()))
		}
	}
	return f, nil
}

// Sort tells by their tables which of the files is the orchestrator's and which are banks'. The
// errors are [ErrNotGiro], [ErrNoOrchestrator], [ErrTwoOrchestrators], or that of opening a file.
func Sort(ctx context.Context, paths []string) (Files, error) {
	var f Files
	for _, path := range paths {
		tables, err := tablesOf(ctx, path)
		switch {
		case err != nil:
			return Files{}, fmt.Errorf("audit: %w", err)
		case tables["entries"] && tables["inbox"]:
			f.Banks = append(f.Banks, path)
		case !tables["sagas"]:
			return Files{}, fmt.Errorf("audit: %s: %w", shown(path), ErrNotGiro)
		case f.Orchestrator != "":
			return Files{}, fmt.Errorf("audit: %s and %s: %w", f.Orchestrator, path, ErrTwoOrchestrators)
		default:
			f.Orchestrator = path
		}
	}
	if f.Orchestrator == "" {
		return Files{}, fmt.Errorf("audit: %w", ErrNoOrchestrator)
	}
	slices.Sort(f.Banks)
	return f, nil
}

func tablesOf(ctx context.Context, path string) (tables map[string]bool, err error) {
	list := `SELECT name FROM sqlite_schema WHERE type = 'table'`
	var db *sqlx.DB
	if isPostgres(path) {
		list = `SELECT tablename FROM pg_tables WHERE schemaname = current_schema()`
		db, err = postgres.OpenReadOnly(ctx, path)
	} else {
		db, err = outbox.OpenReadOnly(path)
	}
	if err != nil {
		return nil, err
	}
	defer func() {
		if closing := db.Close(); err == nil {
			err = closing
		}
	}()
	var names []string
	if err := db.SelectContext(ctx, &names, list); err != nil {
		return nil, fmt.Errorf("read %s: %w", shown(path), err)
	}
	tables = make(map[string]bool, len(names))
	for _, name := range names {
		tables[name] = true
	}
	return tables, nil
}

// bankName is the name of the bank that a file belongs to.
func bankName(path string) string {
	if isPostgres(path) {
		path = schemaOf(path)
	}
	name := strings.TrimSuffix(filepath.Base(path), ".db")
	return strings.TrimPrefix(name, "ledger-")
}
