package orchestrator

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/saga"
	"github.com/jmoiron/sqlx"
)

// registry holds every stored definition, compiled. Definitions are never changed or removed, so
// what it returns stays true.
type registry struct {
	mu     sync.RWMutex
	byName map[string][]*stored // versions, ascending
}

// stored is a definition with the time it was applied at.
type stored struct {
	*saga.Definition
	applied time.Time
}

func openRegistry(ctx context.Context, db *sqlx.DB) (*registry, error) {
	rows := []struct {
		Source  []byte
		Applied int64
	}{}
	if err := db.SelectContext(ctx, &rows, `SELECT source, applied FROM definitions ORDER BY name, version`); err != nil {
		return nil, fmt.Errorf("load definitions: %w", err)
	}
	r := &registry{byName: make(map[string][]*stored)}
	for _, row := range rows {
		def, err := saga.ParseJSON(row.Source)
		if err != nil {
			return nil, fmt.Errorf("stored definition: %w", err)
		}
		r.add(&stored{def, fromMicros(row.Applied)})
	}
	return r, nil
}

// insertDefinition stores a definition. created is false when the very same one is stored already;
// another content under the same name and version is [ErrDefinitionExists].
func insertDefinition(ctx context.Context, tx outbox.Tx, def *saga.Definition, at time.Time) (created bool, err error) {
	var digest string
	err = tx.GetContext(ctx, &digest, `SELECT digest FROM definitions WHERE name = ? AND version = ?`, def.Name, def.Version)
	switch {
	case err == nil && digest == def.Digest():
		return false, nil
	case err == nil:
		return false, fmt.Errorf("definition %s version %d: %w", def.Name, def.Version, ErrDefinitionExists)
	case !errors.Is(err, sql.ErrNoRows):
		return false, fmt.Errorf("definition %s: %w", def.Name, err)
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO definitions (name, version, digest, source, applied) VALUES (?, ?, ?, ?, ?)`,
		def.Name, def.Version, def.Digest(), []byte(def.Source()), at.UnixMicro())
	return err == nil, err
}

// add makes a committed definition known.
func (r *registry) add(def *stored) {
	r.mu.Lock()
	defer r.mu.Unlock()
	versions := r.byName[def.Name]
	if slices.ContainsFunc(versions, func(d *stored) bool { return d.Version == def.Version }) {
		return
	}
	versions = append(slices.Clone(versions), def)
	slices.SortFunc(versions, func(a, b *stored) int { return a.Version - b.Version })
	r.byName[def.Name] = versions
}

// find returns a definition; version 0 is the latest.
func (r *registry) find(name string, version int) (*stored, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	versions := r.byName[name]
	for i := len(versions) - 1; i >= 0; i-- {
		if version == 0 || versions[i].Version == version {
			return versions[i], true
		}
	}
	return nil, false
}

// pinned returns the definition that an instance began with.
func (r *registry) pinned(name string, version int) (*saga.Definition, error) {
	def, ok := r.find(name, version)
	if !ok {
		return nil, fmt.Errorf("definition %s version %d is not stored: %w", name, version, errUnreadable)
	}
	return def.Definition, nil
}

// all returns every version of every definition, by name and version.
func (r *registry) all() []*stored {
	r.mu.RLock()
	defer r.mu.RUnlock()
	var list []*stored
	for _, versions := range r.byName {
		list = append(list, versions...)
	}
	slices.SortFunc(list, func(a, b *stored) int {
		if c := strings.Compare(a.Name, b.Name); c != 0 {
			return c
		}
		return a.Version - b.Version
	})
	return list
}
