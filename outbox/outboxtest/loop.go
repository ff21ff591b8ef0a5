package outboxtest

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/girohq/giro/outbox"
)

// worker inserts numbers; it panics at bad ones. It may be asked once its loop has ended.
type worker struct {
	bad       int
	committed []int
	failed    []int
}

func (w *worker) Begin() {}

func (w *worker) Apply(tx outbox.Tx, n int) error {
	if err := insert(tx, n); err != nil {
		return err
	}
	if n == w.bad {
		panic("bad")
	}
	return nil
}

func (w *worker) Committed(items []int)    { w.committed = append(w.committed, items...) }
func (w *worker) Failed(item int, _ error) { w.failed = append(w.failed, item) }

func submit(t *testing.T, l *outbox.Loop[int], from, to int) {
	t.Helper()
	for n := from; n <= to; n++ {
		must(t, l.Submit(bg, n))
	}
}

func ended() context.Context {
	ctx, cancel := context.WithCancel(bg)
	cancel()
	return ctx
}

func alone(t *testing.T, by Open) {
	db := items(t, by)
	must(t, db.Write(bg, func(tx outbox.Tx) error { return insert(tx, 5) })) // the item 5 is bad, too
	w := &worker{bad: 3}
	l := outbox.NewLoop(db, w, 16)
	submit(t, l, 1, 8)
	must(t, l.Run(ended()))
	if !slices.Equal(w.committed, []int{1, 2, 4, 6, 7, 8}) || !slices.Equal(w.failed, []int{3, 5}) {
		t.Errorf("committed %v, failed %v", w.committed, w.failed)
	}
	want(t, db, 1, 2, 4, 5, 6, 7, 8)
}

// turns: what is told to be committed is what stands, with as many loops as the database has writers,
// and one more.
func turns(t *testing.T, by Open) {
	db := items(t, by)
	ctx, cancel := context.WithCancel(bg)
	var running, submitting sync.WaitGroup
	workers := make([]*worker, db.Writers()+1)
	for i := range workers {
		workers[i] = &worker{}
		l := outbox.NewLoop(db, workers[i], 8)
		running.Go(func() {
			if err := l.Run(ctx); err != nil {
				t.Error(err)
			}
		})
		submitting.Go(func() { submit(t, l, 100*i+1, 100*i+50) })
	}
	submitting.Wait()
	cancel()
	running.Wait()
	var told []int
	for _, w := range workers {
		told = append(told, w.committed...)
	}
	slices.Sort(told)
	if len(told) != 50*len(workers) {
		t.Errorf("%d items of %d", len(told), 50*len(workers))
	}
	want(t, db, told...)
}

func end(t *testing.T, by Open) {
	db, w := items(t, by), &worker{}
	l := outbox.NewLoop(db, w, 64)
	submit(t, l, 1, 50)
	must(t, l.Run(ended()))
	if err := l.Submit(bg, 51); err == nil {
		t.Error("an item was taken after the end")
	}
	if len(w.committed) != 50 {
		t.Errorf("%d items of 50", len(w.committed))
	}
	want(t, db, w.committed...)
}
