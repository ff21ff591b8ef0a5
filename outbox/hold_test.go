package outbox

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// heldRig is a relay in which messages belong to the group before the dot of their key.
func heldRig(t *testing.T, test func(b *rig)) {
	synctest.Test(t, func(t *testing.T) {
		b := newRig(t, openAt(t, newPath(t)))
		b.cfg.Groups = groupsOf
		b.run()
		test(b)
	})
}

func groupsOf(m *Message) []string {
	group, _, _ := strings.Cut(m.Key, ".")
	return []string{"all", group}
}

func TestNothingOfAHeldGroupIsSent(t *testing.T) {
	heldRig(t, func(b *rig) {
		b.Hold("x")
		late := message("x.late", 1)
		late.NotBefore = time.Now().Add(time.Hour)
		b.commit([]Message{message("x.first", 1), late, message("y.first", 1)})
		b.commit([]Message{message("x.attempt", 2)})
		b.pass(24 * time.Hour)
		b.wantIDs("y.first/1.1.1")
		b.wantExpired("y.first/1 5s")
		if state, _ := b.State("x.first"); !state.Held || state.Acked {
			t.Errorf("%+v", state)
		}
		b.commit(nil, "x.attempt") // its reply came all the same
		b.Lift("x")
		b.pass(time.Second)
		if got := b.broker.ids()[1:]; len(got) != 2 || !strings.HasPrefix(got[0], "x.first/1.") || !strings.HasPrefix(got[1], "x.late/1.") {
			t.Errorf("after the lift: %v", got)
		}
	})
}

// The silence of an attempt that was out when its group was held is nobody's fault.
func TestSilenceOfAHeldGroupDoesNotCount(t *testing.T) {
	heldRig(t, func(b *rig) {
		b.commit([]Message{message("x.1", 1), message("y.1", 1)}) // 5 s of patience each
		b.pass(time.Second)
		b.Hold("x")
		b.pass(time.Hour)
		b.wantExpired("y.1/1 5s")
		b.Lift("x")
		b.pass(4 * time.Second)
		b.wantIDs("x.1/1.1.1", "y.1/1.1.2", "x.1/1.1.3") // the same attempt again, as a new send
		b.wantExpired("y.1/1 5s")
		b.pass(2 * time.Second)
		b.wantExpired("y.1/1 5s", "x.1/1 1h0m6s")
	})
}

// A hold that ended before the attempt fell silent has cost it time: it is sent once more.
func TestAHoldWithinATimeoutIsForgiven(t *testing.T) {
	heldRig(t, func(b *rig) {
		b.commit([]Message{message("x.1", 1)})
		b.pass(time.Second)
		b.Hold("x")
		b.pass(time.Second)
		b.Lift("x")
		b.pass(4 * time.Second)
		b.wantIDs("x.1/1.1.1", "x.1/1.1.2")
		b.wantExpired()
		b.pass(5 * time.Second)
		b.wantExpired("x.1/1 10s")
	})
}

func TestALiftIsPacedOldestFirst(t *testing.T) {
	heldRig(t, func(b *rig) {
		b.Hold("x")
		b.Hold("all")
		all := messages(300)
		for i := range all {
			all[i].Key = "x." + all[i].Key
		}
		b.commit(all)
		b.Lift("x") // all is held
		b.pass(10 * time.Second)
		b.wantIDs()
		b.Lift("all")
		b.pass(time.Second)
		if n := len(b.broker.ids()); n < 100 || n > 111 {
			t.Fatalf("%d sent in a second, want 100 and a burst of 10", n)
		}
		b.pass(2 * time.Second)
		if ids := b.broker.ids(); len(ids) != 300 || !slices.IsSorted(ids[:100]) {
			t.Errorf("%d sent: %v", len(ids), ids[:10])
		}
	})
}

// What is parked takes no share of the rate from what is not, after a restart too.
func TestParkedRowsCostNoShareOfTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := newPath(t)
		db, err := Open(bg, Config{Path: path})
		must(t, err)
		for i := range 2000 {
			put(t, db, message(fmt.Sprintf("x.%04d", i), 1))
		}
		put(t, db, message("y.1", 1))
		must(t, db.Close())
		b := newRig(t, openAt(t, path))
		b.cfg.Groups = groupsOf
		b.Hold("x")
		b.run()
		b.pass(time.Second)
		b.wantIDs("y.1/1.2.2001")
		b.Reset()
		b.pass(time.Second)
		if n := len(b.broker.ids()); n != 2 {
			t.Errorf("%d sent after the broker's store was lost, want y.1 again", n)
		}
		b.Lift("x")
		b.pass(time.Second)
		if n := len(b.broker.ids()); n < 100 || n > 114 {
			t.Errorf("%d sent in the second after the lift", n)
		}
	})
}

func TestAPublishThatFailsMeanwhileIsParked(t *testing.T) {
	heldRig(t, func(b *rig) {
		b.broker.say(hold)
		b.commit([]Message{message("x.1", 1)})
		b.Hold("x")
		b.broker.release(0, errAway)
		b.pass(time.Hour)
		b.wantIDs("x.1/1.1.1")
		b.broker.say(nil)
		b.Lift("x")
		b.pass(time.Second)
		b.wantIDs("x.1/1.1.1", "x.1/1.1.1") // the broker has not seen it: the same send
	})
}

func TestAmend(t *testing.T) {
	heldRig(t, func(b *rig) {
		b.Hold("x")
		b.commit([]Message{message("x.1", 1)})
		must(t, b.db.Write(bg, func(tx Tx) error {
			return errors.Join(Amend(tx, "x.1", says("later")), Amend(tx, "none", says("x")))
		}))
		b.Lift("x")
		b.pass(time.Second)
		if h := b.broker.all()[0].msg.Header["H"]; len(h) != 1 || h[0] != "later" {
			t.Errorf("%v", h)
		}
		if err := b.db.Write(bg, func(tx Tx) error { return Amend(tx, "x.1", says("a\nb")) }); !errors.Is(err, ErrInvalid) {
			t.Errorf("a line break: %v", err)
		}
	})
}

func says(value string) func(map[string][]string) {
	return func(header map[string][]string) { header["H"] = []string{value} }
}

// What was never sent keeps its place in its lane: what is put after the lift does not overtake it.
func TestALiftKeepsTheOrderOfLanes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newRig(t, openAt(t, newPath(t)))
		b.cfg.Groups = groupsOf
		b.cfg.Lane = func(subject string) string { return subject[len(subject)-1:] } // the last digit
		b.run()
		b.Hold("x")
		all := messages(300)
		for i := range all {
			all[i].Key = "x." + all[i].Key
			b.commit(all[i : i+1])
		}
		b.Lift("x")
		b.commit([]Message{message("y.9", 1)}) // behind the thirty of its lane
		b.pass(10 * time.Second)
		ids := b.broker.ids()
		at := slices.IndexFunc(ids, func(id string) bool { return strings.HasPrefix(id, "y.9/") })
		last := slices.IndexFunc(ids, func(id string) bool { return strings.HasPrefix(id, "x.k0299/") })
		if at < last {
			t.Errorf("y.9 was sent as number %d, x.k0299 as number %d", at, last)
		}
	})
}

// What queues in its lane is sent as it has been amended.
func TestAmendBehindOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := newPath(t)
		db, err := Open(bg, Config{Path: path})
		must(t, err)
		newRig(t, db).commit(messages(50)) // it never runs: nothing is sent
		must(t, db.Close())
		b := newRig(t, openAt(t, path))
		b.cfg.Lane = func(string) string { return "one" }
		b.run()
		b.commit([]Message{message("new", 1)})
		must(t, b.db.Write(bg, func(tx Tx) error { return Amend(tx, "new", says("later")) }))
		b.pass(4 * time.Second)
		all := b.broker.all()
		if h := all[len(all)-1].msg.Header["H"]; len(all) != 51 || len(h) != 1 || h[0] != "later" {
			t.Errorf("%d sent, at last with %v", len(all), h)
		}
	})
}
