package orchestrator

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/outbox"
	"github.com/girohq/giro/saga"
)

// Apply stores a definition, before Run or beside it. The same one again is no error; another
// content under a stored name and version is a *wire.Problem of code conflict, a child that is not known
// one of code invalid.
func (o *Orchestrator) Apply(ctx context.Context, def *saga.Definition) (wire.AppliedDefinition, error) {
	answer, err := o.examine(ctx, def)
	if err != nil || answer.Created {
		return answer, err
	}
	if known, ok := o.registry.find(def.Name, def.Version); ok {
		answer.Applied = saga.Time{Time: known.applied}
		return answer, nil
	}
	applied := &stored{def, o.clock()}
	err = o.cfg.DB.Write(ctx, func(tx outbox.Tx) (err error) {
		answer.Created, err = insertDefinition(ctx, tx, def, applied.applied)
		return err
	})
	if errors.Is(err, ErrDefinitionExists) { // by somebody else meanwhile
		return wire.AppliedDefinition{}, immutable(def)
	}
	if err != nil {
		return wire.AppliedDefinition{}, err
	}
	o.registry.add(applied)
	answer.Applied = saga.Time{Time: applied.applied}
	return answer, nil
}

// examine says what a definition would change, and refuses what cannot be stored.
func (o *Orchestrator) examine(ctx context.Context, def *saga.Definition) (wire.AppliedDefinition, error) {
	answer := wire.AppliedDefinition{Name: def.Name, Version: def.Version, Digest: def.Digest(), Warnings: def.Warnings}
	if known, ok := o.registry.find(def.Name, def.Version); ok {
		if known.Digest() != def.Digest() {
			return answer, immutable(def)
		}
		answer.Applied = saga.Time{Time: known.applied}
	} else if err := o.registry.checkChildren(def); err != nil {
		return answer, wire.Invalid(err)
	}
	if before := o.registry.below(def.Name, def.Version); before != nil {
		answer.Against, answer.Changes = before.Version, saga.Changes(before.Definition, def)
	}
	err := o.cfg.DB.Read().GetContext(ctx, &answer.InFlight, `SELECT count(*) FROM sagas WHERE finished IS NULL AND type = ? AND version < ?`, def.Name, def.Version)
	return answer, err
}

func immutable(def *saga.Definition) error {
	return wire.WrongState(fmt.Sprintf(
		"saga %s version %d exists with another content: definitions are immutable, give the change a new version", def.Name, def.Version))
}

// below finds the newest version below another one.
func (r *registry) below(name string, version int) *stored {
	r.mu.RLock()
	defer r.mu.RUnlock()
	var found *stored
	for _, d := range r.byName[name] { // ascending
		if d.Version < version {
			found = d
		}
	}
	return found
}

// checkChildren refuses a definition that runs a saga which is not known, or not of the kind it must be.
func (r *registry) checkChildren(def *saga.Definition) error {
	for i := range def.Steps {
		if run := def.Steps[i].Run; run != nil {
			if err := r.checkRun(def, &def.Steps[i]); err != nil {
				return fmt.Errorf("step %q: %w", def.Steps[i].ID, err)
			}
		}
	}
	return nil
}

func (r *registry) checkRun(def *saga.Definition, step *saga.StepDefinition) error {
	run, whole := step.Run, step.Kind == saga.Compensatable
	itself := run.Saga == def.Name && (run.Version == 0 || run.Version == def.Version)
	child, known := r.find(run.Saga, run.Version)
	switch {
	case itself && (!whole || !def.HasPivot()):
		return nil
	case !known && run.Version > 0:
		return fmt.Errorf("it runs saga %s version %d, which is not known: apply that definition first", run.Saga, run.Version)
	case !known && !itself:
		return fmt.Errorf("it runs saga %s, which is not known: apply its definition first", run.Saga)
	case !whole, run.Version > 0 && !child.HasPivot(), run.Version == 0 && r.newestWhole(run.Saga) > 0:
		return nil
	}
	which := "no version of saga " + run.Saga + " is without a pivot"
	if run.Version > 0 {
		which = fmt.Sprintf("saga %s version %d has a pivot", run.Saga, run.Version)
	}
	return fmt.Errorf("it is compensatable, so its child must be one that can be undone as a whole, but %s: write kind: pivot, or run another saga", which)
}

// migrateDefinition moves live sagas to another version, as far as what they have begun is the same there.
func (o *Orchestrator) migrateDefinition(ctx context.Context, req wire.MigrateRequest) (any, error) {
	from, to, err := o.checkMigration(req)
	if err != nil {
		return nil, err
	}
	c := &crossing{from: from, to: to, req: req, left: make(map[string]*wire.Left)}
	for !c.over {
		if ctx.Err() != nil { // what was moved is moved; the caller asks again
			c.more = true
			break
		}
		if _, err := o.do(ctx, &work{id: from.Name, task: c.next}); err != nil {
			return nil, err
		}
		c.count()
	}
	return c.answer(), nil
}

func (o *Orchestrator) checkMigration(req wire.MigrateRequest) (from, to *saga.Definition, err error) {
	if err := saga.CheckID("saga type", req.Name); err != nil {
		return nil, nil, wire.Invalid(err)
	}
	switch {
	case req.From < 1 || req.To < 0 || req.From == req.To:
		return nil, nil, wire.Invalid(errors.New("from and to must be two versions of the definition; to may be 0, the latest"))
	case req.Limit < 0:
		return nil, nil, wire.Invalid(fmt.Errorf("limit %d is not a number of sagas", req.Limit))
	case len(req.Reason) > maxReason:
		return nil, nil, wire.Invalid(fmt.Errorf("the reason is longer than %d bytes", maxReason))
	}
	a, ok := o.registry.find(req.Name, req.From)
	if !ok {
		return nil, nil, o.registry.unknown(req.Name, req.From)
	}
	b, ok := o.registry.find(req.Name, req.To)
	if !ok {
		return nil, nil, o.registry.unknown(req.Name, req.To)
	}
	if a == b {
		return nil, nil, wire.Invalid(fmt.Errorf("version %d is the latest: there is nothing to move to", req.From))
	}
	return a.Definition, b.Definition, nil
}

// crossing is a migration as it goes through the live sagas, some in each transaction.
type crossing struct {
	from, to *saga.Definition
	req      wire.MigrateRequest

	seen  int64 // the last saga that was looked at
	moved int
	left  map[string]*wire.Left // by reason
	over  bool
	more  bool

	part []crossed // of the transaction that runs now, which may run again
}

type crossed struct {
	seq    int64
	id     string
	reason string // why it was left
}

// next moves the next sagas in one transaction.
func (c *crossing) next(ctx context.Context, m *mover, tx outbox.Tx) error {
	c.part = nil
	rows, err := c.live(ctx, tx)
	if err != nil {
		return err
	}
	for _, row := range rows {
		reason, err := m.migrate(ctx, tx, c, row.ID)
		if err != nil {
			return err
		}
		c.part = append(c.part, crossed{row.Seq, row.ID, reason})
	}
	c.over = len(rows) < backAtOnce
	return nil
}

// live lists the live sagas of the version, each state by itself, for only that meets the index.
func (c *crossing) live(ctx context.Context, tx outbox.Tx) (rows []concernedRow, err error) {
	limit := backAtOnce
	if c.req.Limit > 0 {
		limit = min(limit, c.req.Limit-c.moved)
	}
	var parts []string
	var args []any
	for _, state := range []saga.State{saga.Running, saga.Compensating, saga.Suspended} {
		parts = append(parts, `SELECT * FROM (SELECT seq, id FROM sagas WHERE state = '`+string(state)+`' AND finished IS NULL AND seq > ? AND type = ? AND version = ? ORDER BY seq LIMIT ?)`)
		args = append(args, c.seen, c.from.Name, c.from.Version, limit)
	}
	err = tx.SelectContext(ctx, &rows, strings.Join(parts, ` UNION ALL `)+` ORDER BY seq LIMIT ?`, append(args, limit)...)
	if err != nil {
		err = fmt.Errorf("migrate %s: %w", c.from.Name, err)
	}
	return rows, err
}

// count takes over what one transaction has done.
func (c *crossing) count() {
	for _, one := range c.part {
		c.seen = one.seq
		if one.reason == "" {
			c.moved++
			continue
		}
		l := c.left[one.reason]
		if l == nil {
			l = &wire.Left{Reason: one.reason, Example: one.id}
			c.left[one.reason] = l
		}
		l.Count++
	}
	if c.req.Limit > 0 {
		c.over = len(c.part) == 0
		if c.moved >= c.req.Limit {
			c.over, c.more = true, true
		}
	}
}

func (c *crossing) answer() wire.Migration {
	a := wire.Migration{Name: c.from.Name, From: c.from.Version, To: c.to.Version, DryRun: c.req.DryRun, Moved: c.moved, Left: []wire.Left{}, More: c.more}
	for _, l := range c.left {
		a.Left = append(a.Left, *l)
	}
	slices.SortFunc(a.Left, func(x, y wire.Left) int {
		if x.Count != y.Count {
			return y.Count - x.Count
		}
		return strings.Compare(x.Reason, y.Reason)
	})
	return a
}

// migrate moves one saga, or says why not.
func (m *mover) migrate(ctx context.Context, tx outbox.Tx, c *crossing, id string) (reason string, err error) {
	e, err := m.load(ctx, tx, id)
	switch {
	case errors.Is(err, errUnreadable):
		return "its row cannot be read", nil
	case err != nil:
		return "", err
	case e == nil || e.in.Version != c.from.Version: // a saga of this batch has moved it
		return "it has gone on meanwhile", nil
	}
	now := m.clock()
	next, effects, reason := saga.Migrate(c.from, c.to, e.in, now)
	if reason != "" || c.req.DryRun {
		return reason, nil
	}
	if _, err := tx.ExecContext(ctx, `UPDATE sagas SET version = ? WHERE seq = ?`, next.Version, e.seq); err != nil {
		return "", fmt.Errorf("migrate saga %s: %w", id, err)
	}
	event := saga.Migrated{At: now, From: c.from.Version, To: c.to.Version, Reason: c.req.Reason}
	return "", m.save(ctx, tx, &work{id: id, event: event}, c.to, e, &next, effects)
}
