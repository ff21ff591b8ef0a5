package outbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// recorder is a worker that inserts the item's number and notes what it is told.
type recorder struct {
	apply func(tx Tx, item int) error // nil: insert

	mu        sync.Mutex
	pending   []int // applied since Begin
	begun     int
	batches   [][]int
	failed    map[int]error
	committed chan []int // every batch, if not nil
}

func newRecorder() *recorder { return &recorder{failed: map[int]error{}} }

func (r *recorder) Begin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.begun++
	r.pending = nil
}

func (r *recorder) Apply(tx Tx, item int) error {
	r.mu.Lock()
	r.pending = append(r.pending, item)
	r.mu.Unlock()
	if r.apply != nil {
		if err := r.apply(tx, item); err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(bg, `INSERT INTO items (id) VALUES (?)`, item)
	return err
}

func (r *recorder) Committed(items []int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Equal(items, r.pending) {
		panic(fmt.Sprintf("committed %v, in memory %v", items, r.pending))
	}
	batch := slices.Clone(items)
	r.batches = append(r.batches, batch)
	if r.committed != nil {
		r.committed <- batch
	}
}

func (r *recorder) Failed(item int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed[item] = err
}

// runQueued works off what is queued.
func runQueued(t testing.TB, l *Loop[int]) {
	t.Helper()
	over, cancel := context.WithCancel(bg)
	cancel()
	must(t, l.Run(over))
}

func submit(t testing.TB, l *Loop[int], from, to int) {
	t.Helper()
	for i := from; i <= to; i++ {
		must(t, l.Submit(bg, i))
	}
}

func storedIDs(t testing.TB, db *DB) []int {
	t.Helper()
	ids := []int{}
	must(t, db.Read().Select(&ids, `SELECT id FROM items ORDER BY rowid`))
	return ids
}

func TestABatchIsBounded(t *testing.T) {
	db, w := openItems(t), newRecorder()
	l := NewLoop(db, w, 3*MaxBatch)
	submit(t, l, 1, 2*MaxBatch+5)
	runQueued(t, l)
	var sizes []int
	for _, b := range w.batches {
		sizes = append(sizes, len(b))
	}
	if diff := cmp.Diff([]int{MaxBatch, MaxBatch, 5}, sizes); diff != "" {
		t.Fatal(diff)
	}
	if n := count(t, db, "items"); n != 2*MaxBatch+5 {
		t.Fatalf("%d items", n)
	}
}

func TestALoneItemCommitsAtOnce(t *testing.T) {
	db, w := openItems(t), newRecorder()
	w.committed = make(chan []int)
	l := NewLoop(db, w, 8)
	ctx, cancel := context.WithCancel(bg)
	ended := make(chan error)
	go func() { ended <- l.Run(ctx) }()
	for i := 1; i <= 3; i++ {
		must(t, l.Submit(bg, i))
		if batch := <-w.committed; !slices.Equal(batch, []int{i}) {
			t.Fatalf("batch %v", batch)
		}
		if n := count(t, db, "items"); n != i {
			t.Fatalf("Committed before the commit: %d items of %d", n, i)
		}
	}
	cancel()
	must(t, <-ended)
	if err := l.Submit(bg, 4); !errors.Is(err, ErrStopped) || l.TrySubmit(4) {
		t.Fatalf("after Run: %v", err)
	}
}

func TestABadItemFailsAlone(t *testing.T) {
	boom := errors.New("boom")
	for name, bad := range map[string]func(t *testing.T, tx Tx) error{
		"an error":          func(*testing.T, Tx) error { return boom },
		"a panic":           func(*testing.T, Tx) error { panic("boom") },
		"a panic in a part": func(_ *testing.T, tx Tx) error { return tx.Savepoint(func() error { panic("boom") }) },
		"a loss":            func(t *testing.T, tx Tx) error { lose(t, tx); return boom },
		"a hidden loss":     func(t *testing.T, tx Tx) error { lose(t, tx); return nil },
		"a loss in a part":  func(t *testing.T, tx Tx) error { return tx.Savepoint(func() error { lose(t, tx); return nil }) },
	} {
		t.Run(name, func(t *testing.T) {
			db, w := openItems(t), newRecorder()
			write(t, db, `INSERT INTO items (id) VALUES (1)`)
			w.apply = func(tx Tx, item int) error {
				if item == 5 {
					return bad(t, tx)
				}
				return nil
			}
			l := NewLoop(db, w, 16)
			submit(t, l, 2, 8)
			runQueued(t, l)
			if diff := cmp.Diff([]int{1, 2, 3, 4, 6, 7, 8}, storedIDs(t, db)); diff != "" {
				t.Fatal(diff)
			}
			if err := w.failed[5]; err == nil || len(w.failed) != 1 {
				t.Fatalf("failed: %v", w.failed)
			}
			if diff := cmp.Diff([][]int{{2}, {3}, {4}, {6}, {7}, {8}}, w.batches); diff != "" {
				t.Fatal(diff)
			}
		})
	}
}

// A handler that hides the loss must not let the items after it run for nothing.
func TestALossEndsTheBatchAtOnce(t *testing.T) {
	db, w := openItems(t), newRecorder()
	write(t, db, `INSERT INTO items (id) VALUES (1)`)
	var applied []int
	worker := hidesLoss{w, func(tx Tx, item int) {
		applied = append(applied, item)
		if item == 3 {
			lose(t, tx)
		}
	}}
	l := NewLoop(db, Worker[int](worker), 8)
	submit(t, l, 2, 4)
	runQueued(t, l)
	if diff := cmp.Diff([]int{2, 3, 2, 3, 4}, applied); diff != "" {
		t.Fatal(diff)
	}
}

// hidesLoss is a worker whose Apply never fails.
type hidesLoss struct {
	*recorder
	apply func(tx Tx, item int)
}

func (w hidesLoss) Apply(tx Tx, item int) error {
	w.pending = append(w.pending, item)
	w.apply(tx, item)
	return nil
}

func TestAPanicSaysWhere(t *testing.T) {
	db, w := openItems(t), newRecorder()
	w.apply = func(Tx, int) error { panic("boom") }
	l := NewLoop(db, w, 1)
	submit(t, l, 1, 1)
	runQueued(t, l)
	if err := w.failed[1]; err == nil || !strings.Contains(err.Error(), "boom") || !strings.Contains(err.Error(), "loop_test.go") {
		t.Fatalf("failed with %v", err)
	}
}

// For any mix of good and bad items, what was told is what stands.
func TestWhatIsToldIsWhatStands(t *testing.T) {
	db := openItems(t)
	write(t, db, `INSERT INTO items (id) VALUES (1)`)
	next := 2
	rapid.Check(t, func(rt *rapid.T) {
		faults := rapid.SliceOfN(rapid.SampledFrom([]string{"", "", "", "", "error", "panic", "lose"}), 1, 20).Draw(rt, "faults")
		w, base := newRecorder(), next
		next += len(faults)
		w.apply = func(tx Tx, item int) error {
			switch faults[item-base] {
			case "error":
				return errors.New("bad")
			case "panic":
				panic("bad")
			case "lose":
				lose(t, tx)
			}
			return nil
		}
		l := NewLoop(db, w, 32)
		submit(t, l, base, next-1)
		runQueued(t, l)
		var told []int
		for _, b := range w.batches {
			told = append(told, b...)
		}
		var stand []int
		must(t, db.Read().Select(&stand, `SELECT id FROM items WHERE id >= ? ORDER BY id`, base))
		if !slices.Equal(told, stand) || len(told)+len(w.failed) != len(faults) {
			rt.Fatalf("told %v, standing %v, failed %d of %d", told, stand, len(w.failed), len(faults))
		}
	})
}

func TestSubmitWaitsForRoom(t *testing.T) {
	db, w := openItems(t), newRecorder()
	l := NewLoop(db, w, 1)
	if !l.TrySubmit(1) || l.TrySubmit(2) {
		t.Fatal("a queue of one")
	}
	over, cancel := context.WithCancel(bg)
	cancel()
	if err := l.Submit(over, 2); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

// Every Submit that returned nil is worked off, whatever the moment of the end.
func TestTheEndLosesNoSubmittedItem(t *testing.T) {
	for range 20 {
		db, w := openItems(t), newRecorder()
		l := NewLoop(db, w, 4)
		ctx, cancel := context.WithCancel(bg)
		var taken sync.Map
		var all sync.WaitGroup
		for s := range 8 {
			all.Go(func() {
				for i := range 50 {
					item := s*1000 + i + 1
					if l.Submit(bg, item) != nil {
						return
					}
					taken.Store(item, true)
					if item == 3010 {
						cancel()
					}
				}
			})
		}
		must(t, l.Run(ctx))
		all.Wait()
		cancel()
		standing := storedIDs(t, db)
		n := 0
		taken.Range(func(item, _ any) bool {
			n++
			if !slices.Contains(standing, item.(int)) {
				t.Errorf("item %v was taken and is not there", item)
			}
			return true
		})
		if n != len(standing) {
			t.Errorf("%d taken, %d stand", n, len(standing))
		}
	}
}

func TestLoopsAndWritesTakeTurns(t *testing.T) {
	db := openItems(t)
	ctx, cancel := context.WithCancel(bg)
	var runs, writers sync.WaitGroup
	for n := range 3 {
		l := NewLoop(db, newRecorder(), 8)
		runs.Go(func() { must(t, l.Run(ctx)) })
		writers.Go(func() { submit(t, l, n*1000+1, n*1000+100) })
	}
	for i := range 100 {
		write(t, db, `INSERT INTO items (id) VALUES (?)`, 5000+i)
	}
	writers.Wait()
	cancel()
	runs.Wait()
	if n := count(t, db, "items"); n != 400 {
		t.Fatalf("%d items", n)
	}
}

// SQLite rolls back by itself when a statement finds no room. The others of the batch stand.
func TestAFullDatabaseFailsTheItem(t *testing.T) {
	db, w := openItems(t), newRecorder()
	w.apply = func(tx Tx, item int) error {
		if item == 2 {
			// What SQLite says of a full disk, on a connection whose limit is its own.
			db.writer.guarded.Store(false)
			_, err := tx.ExecContext(bg, "PRAGMA max_page_count=1")
			must(t, err)
			_, err = tx.ExecContext(bg, `INSERT INTO items (id, note) VALUES (-1, zeroblob(100000))`)
			return err
		}
		return nil
	}
	l := NewLoop(db, w, 8)
	submit(t, l, 1, 3)
	runQueued(t, l)
	if err := w.failed[2]; err == nil || !strings.Contains(err.Error(), "full") || len(w.failed) != 1 {
		t.Fatalf("failed: %v", w.failed)
	}
	if diff := cmp.Diff([]int{1, 3}, storedIDs(t, db)); diff != "" {
		t.Fatal(diff)
	}
}
