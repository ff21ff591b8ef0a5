package coordination

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/girohq/giro/races"
)

// TestRacesAreCounted: who waits, who loses a lock, whose token is refused and what a limit refuses each
// moves its counter by one.
func TestRacesAreCounted(t *testing.T) {
	c := newServers(t, 1)
	l := c.locks(Config{TTL: time.Second, Wait: 100 * time.Millisecond})
	first, err := l.Acquire(bg, "x")
	must(t, err)
	if _, err := l.TryAcquire(bg, "x"); !errors.Is(err, ErrHeld) {
		t.Fatal(err)
	}
	if _, err := l.Acquire(bg, "x"); err == nil { // held, or in the midst of looking when the wait was over
		t.Fatal("two hold it")
	}
	must(t, l.bucket.js.DeleteStream(bg, "KV_locks"))
	<-first.Context().Done()
	if err := first.Release(bg); !errors.Is(err, ErrLost) {
		t.Fatal(err)
	}
	db, err := resource(filepath.Join(t.TempDir(), "r.db"))
	must(t, err)
	defer db.Close()
	must(t, l.Guard(bg, db, Token{"x", 9, "b"}))
	if err := l.Guard(bg, db, first.Token()); err != nil { // a token of the bucket is greater
		t.Fatal(err)
	}
	if err := l.Guard(bg, db, Token{"x", 9, "b"}); !errors.Is(err, ErrStale) {
		t.Fatal(err)
	}
	limit := c.limit(LimitConfig{Max: 1, Window: time.Hour, Races: l.Races()})
	for _, n := range []int64{2, 1, 1} {
		_, err := limit.Take(bg, "k", n, time.Unix(0, 0))
		if err != nil && !errors.Is(err, ErrLimit) {
			t.Fatal(err)
		}
	}
	for kind, want := range map[races.Kind]uint64{races.LockWait: 2, races.LockExpired: 1, races.StaleToken: 1, races.LimitRefused: 2} {
		if got := l.Races().Of(kind); got != want {
			t.Errorf("%s: %d, want %d", kind.Name(), got, want)
		}
	}
}
