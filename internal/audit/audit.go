package audit

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"
)

// auditor is one audit: the snapshots it reads, and what it has found so far. All but the reading
// happens in one goroutine.
type auditor struct {
	store    string // id of the orchestrator's store
	sagas    *snapshot
	archives bool // it has the table of archived sagas
	banks    []*bank
	byName   map[string]*bank
	ownRows  findings // of the orchestrator's database alone
	found    findings
	money    money
	judged   int
	open     []Open
	live     int
	missing  map[string]absence // banks of transfers whose file was not given
	unlisted []string           // their names, as they were met
	told     map[string]*told   // by saga; not changed while databases are read, but for what is judged
	answers  int                // of clients
}

// absence is what cannot be judged because a bank's file is not there.
type absence struct {
	first string // saga
	steps int
}

// Run audits the files. An error means that they could not be read; what is wrong with their
// content is in the report. It stops early when ctx ends.
func Run(ctx context.Context, files Files) (report *Report, err error) {
	a := newAuditor()
	defer func() { err = errors.Join(err, a.close()) }()
	if err := a.readClients(ctx, files.Clients); err != nil {
		return nil, err
	}
	if err := a.openSagas(ctx, files.Orchestrator); err != nil {
		return nil, err
	}
	if err := a.openBanks(ctx, files.Banks); err != nil {
		return nil, err
	}
	if err := a.merge(ctx); err != nil {
		return nil, err
	}
	if err := a.judgeUnmet(ctx); err != nil {
		return nil, err
	}
	return a.report(), nil
}

func newAuditor() *auditor {
	return &auditor{byName: make(map[string]*bank), money: newMoney(), missing: make(map[string]absence), told: make(map[string]*told)}
}

// openSagas takes the orchestrator's snapshot, with a first read, before any bank's: what its
// terminal sagas did must be in every other one.
func (a *auditor) openSagas(ctx context.Context, path string) (err error) {
	if a.sagas, err = openSnapshot(ctx, path); err != nil {
		return err
	}
	if err := a.sagas.conn.GetContext(ctx, &a.store, `SELECT value FROM meta WHERE key = 'store_id'`); err != nil {
		return fmt.Errorf("audit: read %s: store id: %w", path, err)
	}
	if err := a.sagas.conn.GetContext(ctx, &a.archives, `SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'archived')`); err != nil {
		return fmt.Errorf("audit: read %s: archived sagas: %w", path, err)
	}
	return nil
}

func (a *auditor) openBanks(ctx context.Context, paths []string) error {
	for _, path := range paths {
		b, err := openBank(ctx, path)
		if err != nil {
			return err
		}
		a.banks = append(a.banks, b)
		a.byName[b.name] = b
	}
	return nil
}

func (a *auditor) close() error {
	var errs []error
	for _, b := range a.banks {
		errs = append(errs, b.snapshot.close())
	}
	if a.sagas != nil {
		errs = append(errs, a.sagas.close())
	}
	return errors.Join(errs...)
}

// merge reads all snapshots side by side and judges saga by saga.
func (a *auditor) merge(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	sagas := newFeed(ctx, g, func(yield func(sagaRow) error) error {
		return a.sagas.read(func(s source) error {
			return errors.Join(judgeOwnRows(s, &a.ownRows), readSagas(s, a.archives, a.isTold, yield))
		})
	})
	records := make([]*feed[record], len(a.banks))
	for i, b := range a.banks {
		records[i] = newFeed(ctx, g, func(yield func(record) error) error {
			return b.snapshot.read(func(s source) error { return b.readAll(s, yield) })
		})
	}
	g.Go(func() error {
		for {
			id, ok := firstID(sagas, records)
			if !ok || ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err := a.judge(ctx, gather(id, sagas, records)); err != nil {
				return err
			}
		}
	})
	return g.Wait()
}

// readAll reads a bank: its accounts first, which its entries need.
func (b *bank) readAll(s source, yield func(record) error) error {
	if err := b.readAccounts(s); err != nil {
		return err
	}
	if err := b.replay(s); err != nil {
		return err
	}
	return b.readRecords(s, yield)
}

// evidence is all that is known of one saga.
type evidence struct {
	id      string
	saga    *sagaRow // nil: not in the orchestrator's snapshot
	records []record
}

// firstID finds the smallest saga id that any feed has next.
func firstID(sagas *feed[sagaRow], records []*feed[record]) (id string, ok bool) {
	if s := sagas.head(); s != nil {
		id, ok = s.id, true
	}
	for _, f := range records {
		if r := f.head(); r != nil && (!ok || r.saga < id) {
			id, ok = r.saga, true
		}
	}
	return id, ok
}

// gather takes everything about one saga out of the feeds.
func gather(id string, sagas *feed[sagaRow], records []*feed[record]) evidence {
	e := evidence{id: id}
	if s := sagas.head(); s != nil && s.id == id {
		e.saga = s
		sagas.pop()
	}
	for _, f := range records {
		for r := f.head(); r != nil && r.saga == id; r = f.head() {
			e.records = append(e.records, *r)
			f.pop()
		}
	}
	return e
}

// isTold says whether any client was told of a saga.
func (a *auditor) isTold(id string) bool { return a.told[id] != nil }

// report sums up.
func (a *auditor) report() *Report {
	a.found.take(&a.ownRows)
	r := &Report{Violations: []Violation{}, Banks: []Position{}, Judged: a.judged, Live: a.live, Told: a.answers}
	for _, b := range a.banks {
		a.found.take(&b.found)
		r.Banks = append(r.Banks, b.positions()...)
	}
	for i := range r.Banks {
		a.money.split(&r.Banks[i])
	}
	for _, name := range a.unlisted {
		gone := a.missing[name]
		a.found.add("I8", gone.first, "%d steps of finished transfers were asked of bank %s, whose database is not among the files", gone.steps, name)
	}
	a.money.conserve(a.banks, r.Banks, &a.found)
	r.InFlight, r.Open = a.money.inFlight(), a.open
	r.Violations = append(r.Violations, a.found.list...)
	r.More = a.found.more
	r.OK = len(r.Violations) == 0
	return r
}
