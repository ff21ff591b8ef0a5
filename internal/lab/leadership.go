package lab

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/girohq/giro/coordination"
)

// leases are rows of the database. A row says which term it is and when it ends.
type leases struct{ db *DB }

const (
	nextTerm  = `UPDATE leases SET term = term + 1 WHERE job = $1 RETURNING term`
	takeLease = `UPDATE leases SET term = term + 1, ends = $1 WHERE job = $2 RETURNING term`
	readLease = `SELECT term, ends FROM leases WHERE job = $1`
)

func newLeases(_ context.Context, _ *World, db *DB, _ Load) (leadership, error) {
	return leases{db}, nil
}

func (l leases) look(ctx context.Context, job int) (coordination.Token, error) {
	var term, ends int64
	if err := l.db.QueryRowContext(ctx, readLease, job).Scan(&term, &ends); err != nil {
		return coordination.Token{}, err
	}
	if time.Now().UnixMicro() > ends { // nobody leads yet
		return l.replace(ctx, job)
	}
	return coordination.Token{Lock: strconv.Itoa(job), Number: uint64(term)}, nil
}

// replace does not wait for the end of the term that it ends.
func (l leases) replace(ctx context.Context, job int) (t coordination.Token, err error) {
	t.Lock = strconv.Itoa(job)
	err = l.db.QueryRowContext(ctx, takeLease, time.Now().Add(lockTTL).UnixMicro(), job).Scan(&t.Number)
	return t, err
}

func (l leases) close() error { return nil }

// elections are those of the broker, with a leader for each job.
type elections struct {
	locks   *lockset
	terms   []atomic.Pointer[term] // by job; nil: nobody was elected yet
	first   []sync.Once            // by job
	running sync.WaitGroup
	ctx     context.Context // of all candidates
	stop    context.CancelFunc
}

// term is a leader at work.
type term struct {
	token coordination.Token
	ctx   context.Context // ends when it knows that its term has ended
	leave context.CancelFunc
}

func newElections(ctx context.Context, w *World, _ *DB, load Load) (leadership, error) {
	locks, err := w.openLockset(ctx)
	if err != nil {
		return nil, err
	}
	e := &elections{locks: locks, terms: make([]atomic.Pointer[term], load.Keys), first: make([]sync.Once, load.Keys)}
	e.ctx, e.stop = context.WithCancel(context.WithoutCancel(ctx))
	return e, nil
}

// look does not ask the broker: a leader knows its term, until it is told that it has ended.
func (e *elections) look(ctx context.Context, job int) (coordination.Token, error) {
	var err error
	e.first[job].Do(func() { err = e.elect(ctx, job) })
	if err != nil {
		return coordination.Token{}, err
	}
	for ctx.Err() == nil {
		switch t := e.terms[job].Load(); {
		case t == nil:
			return coordination.Token{}, fmt.Errorf("job %d has no leader", job)
		case t.ctx.Err() == nil:
			return t.token, nil
		} // its term has ended since: there is another
	}
	return coordination.Token{}, ctx.Err()
}

// replace ends the term of the leader, who is not told. It leaves when the next one is there, and
// finds only then that it had lost.
func (e *elections) replace(ctx context.Context, job int) (coordination.Token, error) {
	before := e.terms[job].Load()
	if err := e.locks.expire(ctx, strconv.Itoa(job)); err != nil {
		return coordination.Token{}, err
	}
	if err := e.elect(ctx, job); err != nil {
		return coordination.Token{}, err
	}
	before.leave()
	return e.terms[job].Load().token, nil
}

// elect lets a new candidate stand, and waits until it leads.
func (e *elections) elect(ctx context.Context, job int) error {
	election, err := coordination.NewElection(e.locks.Locks, strconv.Itoa(job))
	if err != nil {
		return err
	}
	running, leave := context.WithCancel(e.ctx)
	elected, ended := make(chan struct{}), make(chan error, 1)
	e.running.Go(func() {
		var once sync.Once
		ended <- election.Run(running, func(ctx context.Context, token coordination.Token) error {
			once.Do(func() {
				e.terms[job].Store(&term{token: token, ctx: ctx, leave: leave})
				close(elected)
			})
			<-ctx.Done()
			leave() // a term is enough
			return nil
		})
	})
	select {
	case <-elected:
		return nil
	case err := <-ended:
		leave()
		return errors.Join(fmt.Errorf("job %d: nobody was elected", job), err)
	case <-ctx.Done():
		leave()
		return ctx.Err()
	}
}

// close lets all leave, and waits for them.
func (e *elections) close() error {
	e.stop()
	e.running.Wait()
	return e.locks.close()
}
