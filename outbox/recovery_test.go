package outbox

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestResetSendsEverythingAnewOldestFirst(t *testing.T) {
	inBubble(t, func(b *rig) {
		n := 0
		b.broker.say(func(string) error { // a third each: acked, held, failed
			n++
			return []error{nil, errHold, errAway}[n%3]
		})
		b.commit(messages(30))
		b.broker.say(nil)
		b.pass(time.Second / 2)
		b.Reset()
		b.pass(time.Second)
		all := b.broker.all()[30:]
		if len(all) != 30 {
			t.Fatalf("%d sent after Reset, want each once", len(all))
		}
		for i, s := range all {
			if want := fmt.Sprintf("k%04d/1.1.%d", i, 31+i); s.id != want {
				t.Errorf("send %d: %s, want %s", i, s.id, want)
			}
		}
		for i := range b.broker.held {
			b.broker.release(i, errAway) // of the old store: stale
		}
		b.pass(4 * time.Second)
		if len(b.broker.all()) != 60 {
			t.Fatal("a stale failure was taken for one of the new store")
		}
		b.pass(time.Minute)
		if len(b.expired) != 30 {
			t.Fatalf("%d expired, want all 30, each once", len(b.expired))
		}
	})
}

func TestResetBringsTheBackoffToItsBeginning(t *testing.T) {
	inBubble(t, func(b *rig) {
		b.broker.say(away)
		b.commit([]Message{message("a", 1)})
		b.pass(40 * time.Second)
		before := len(b.broker.ids())
		b.Reset()
		b.pass(3*time.Second + time.Second/10)
		if n := len(b.broker.ids()) - before; n != 3 {
			t.Fatalf("%d sends in 3 s after Reset, want at 0, 1 and 3 s", n)
		}
	})
}

func TestARestartSendsEveryRowOldestFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := newPath(t)
		db, err := Open(bg, Config{Path: path})
		must(t, err)
		old := newRig(t, db)
		old.run()
		all := messages(250)
		slices.Reverse(all) // the order of keys must not matter
		old.commit(all[:200])
		old.commit(all[200:])
		delayed := message("late", 2)
		delayed.NotBefore = time.Now().Add(time.Minute)
		old.commit([]Message{delayed}, all[0].Key)
		old.stop()
		must(t, db.Close())

		b := newRig(t, openAt(t, path))
		b.run()
		if n := len(b.broker.ids()); n > 10 {
			t.Fatalf("%d sent at once", n)
		}
		b.pass(3 * time.Second)
		ids := b.broker.ids()
		if len(ids) != 249 {
			t.Fatalf("%d sent after a restart, want 249", len(ids))
		}
		for i, id := range ids {
			if want := fmt.Sprintf("%s/1.2.%d", all[i+1].Key, i+1); id != want {
				t.Fatalf("send %d: %s, want %s", i, id, want)
			}
		}
		if diff := cmp.Diff(old.broker.all()[1].msg, b.broker.all()[0].msg); diff != "" {
			t.Fatal(diff)
		}
		b.pass(time.Minute)
		if ids := b.broker.ids(); ids[len(ids)-1] != "late/2.2.250" {
			t.Fatalf("the delayed row: %s", ids[len(ids)-1])
		}
	})
}

// A first send does not overtake what an earlier process committed and may not have sent.
func TestLanesKeepTheirOrderAcrossARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := newPath(t)
		db, err := Open(bg, Config{Path: path})
		must(t, err)
		old := newRig(t, db)
		old.commit(messages(250)) // it never runs: nothing is sent
		must(t, db.Close())

		b := newRig(t, openAt(t, path))
		b.cfg.Lane = func(subject string) string { return subject[len(subject)-1:] } // the last digit
		b.run()
		b.commit([]Message{message("new9", 1), message("newx", 1), message("again9", 1)})
		if ids := b.broker.ids(); ids[len(ids)-1] != fmt.Sprintf("newx/1.2.%d", len(ids)) {
			t.Errorf("what has a lane of its own had to wait: %v", ids)
		}
		b.pass(4 * time.Second)
		ids := b.broker.ids()
		if n := len(ids); n != 253 || !strings.HasPrefix(ids[n-2], "new9/") || !strings.HasPrefix(ids[n-1], "again9/") {
			t.Errorf("%d sent, at last %v", len(ids), ids[max(0, len(ids)-3):])
		}
		b.commit([]Message{message("last9", 1)})
		if ids := b.broker.ids(); len(ids) != 254 || len(b.behind) != 0 {
			t.Errorf("the lane is empty, and %d are sent; behind %v", len(ids), b.behind)
		}
	})
}

func TestRowsPutBeforeRunAreSentOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newRig(t, openAt(t, newPath(t)))
		b.commit(messages(300))
		b.wantIDs()
		b.run()
		if n := len(b.broker.ids()); n != 300 {
			t.Fatalf("%d sent at once: they were taken for rows of an earlier process", n)
		}
		b.pass(4 * time.Second)
		if n := len(b.broker.ids()); n != 300 || b.Depth() != 300 {
			t.Fatalf("%d sent, depth %d", n, b.Depth())
		}
	})
}

// What the table says wins over what the relay was told.
func TestTheRelayFollowsTheTable(t *testing.T) {
	inBubble(t, func(b *rig) {
		b.broker.say(away)
		b.commit(messages(2))
		b.broker.say(nil)
		put(t, b.db, Message{Key: "k0000", Attempt: 2}) // Committed is still to come
		must(t, b.db.Write(bg, func(tx Tx) error { return Delete(tx, "k0001") }))
		b.pass(2 * time.Second)
		b.wantIDs("k0000/1.1.1", "k0001/1.1.2", "k0000/2.1.3")
		if b.Depth() != 1 {
			t.Fatalf("depth %d", b.Depth())
		}
	})
}

// Everything at once from many goroutines; at rest the relay and the table agree.
func TestRelayUnderRaces(t *testing.T) {
	inBubble(t, func(b *rig) {
		b.broker.say(func(id string) error {
			if strings.HasSuffix(id, "3") {
				return errAway
			}
			return nil
		})
		var all sync.WaitGroup
		for g := range 4 {
			all.Go(func() {
				for i := range 40 {
					key := fmt.Sprintf("%d.%d", g, i)
					b.commitQuietly(message(key, 1))
					b.commitQuietly(Message{Key: key, Attempt: 2, Timeout: time.Second})
					if i%2 == 0 {
						must(t, b.db.Write(bg, func(tx Tx) error { return Delete(tx, key) }))
						b.Committed(nil, []string{key})
					}
					b.State(key)
				}
			})
		}
		all.Go(func() {
			for range 20 {
				b.Reset()
			}
		})
		all.Wait()
		b.broker.say(nil)
		b.pass(5 * time.Minute)
		if b.Depth() != 80 || count(t, b.db, "outbox") != 80 {
			t.Fatalf("depth %d, table %d, want 80", b.Depth(), count(t, b.db, "outbox"))
		}
		acked := map[string]bool{}
		for _, s := range b.broker.all() {
			key, _, _ := strings.Cut(s.id, "/")
			acked[key] = true
		}
		if len(acked) < 80 || len(b.expired) < 80 {
			t.Fatalf("%d keys sent, %d expired", len(acked), len(b.expired))
		}
	})
}

func (b *rig) commitQuietly(m Message) {
	must(b.t, b.db.Write(bg, func(tx Tx) error { return Put(tx, m) }))
	b.Committed([]Message{m}, nil)
}

func TestRunSaysThatTheTableCannotBeRead(t *testing.T) {
	db, err := Open(bg, Config{Path: newPath(t)})
	must(t, err)
	r := NewRelay(RelayConfig{DB: db, Publisher: &broker{}})
	must(t, db.Close())
	if err := r.Run(bg); err == nil {
		t.Fatal("Run of a closed database")
	}
}
