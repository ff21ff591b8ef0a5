package outbox

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestFirstSendsGoAtOnceInOrder(t *testing.T) {
	inBubble(t, func(b *rig) {
		put := messages(3000)
		for i := 0; i < 3000; i += 500 {
			b.commit(put[i : i+500])
		}
		if diff := cmp.Diff(messages(3000), put); diff != "" {
			t.Fatal("the owner's messages were changed:", diff)
		}
		all := b.broker.all()
		if len(all) != 3000 || b.Depth() != 3000 {
			t.Fatalf("%d sent, depth %d", len(all), b.Depth())
		}
		for i, s := range all {
			key := fmt.Sprintf("k%04d", i)
			if s.at != 0 || !strings.HasPrefix(s.id, key+"/1.1.") {
				t.Fatalf("send %d: %s at %v", i, s.id, s.at)
			}
		}
		want := message("k0000", 1)
		want.Header["Attempt"] = []string{"1"}
		if diff := cmp.Diff(&want, all[0].msg); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestAnUnacknowledgedSendIsRepeatedAsItWas(t *testing.T) {
	inBubble(t, func(b *rig) {
		b.broker.say(away)
		b.commit([]Message{message("a", 1)})
		b.pass(2 * time.Minute)
		all := b.broker.all()
		var at []time.Duration
		for _, s := range all {
			at = append(at, s.at.Round(time.Second))
			if s.id != "a/1.1.1" {
				t.Errorf("id %s", s.id)
			}
			if diff := cmp.Diff(all[0].msg, s.msg); diff != "" {
				t.Error(diff)
			}
		}
		s := time.Second
		if diff := cmp.Diff([]time.Duration{0, s, 3 * s, 7 * s, 15 * s, 31 * s, 63 * s}, at); diff != "" {
			t.Fatal(diff)
		}
		if state, _ := b.State("a"); state.Acked || state.Next.Sub(epochStart).Round(s) != 123*s {
			t.Fatalf("state %+v", state)
		}
		b.broker.say(nil)
		b.pass(time.Minute)
		b.wantExpired("a/1 2m8s")
	})
}

// TestWhoIsToldToWaitWaits, longer than the backoff if need be, and never shorter.
func TestWhoIsToldToWaitWaits(t *testing.T) {
	inBubble(t, func(b *rig) {
		b.broker.say(func(string) error { return fmt.Errorf("busy: %w", &Later{Err: errAway, After: 5 * time.Second}) })
		b.commit([]Message{message("a", 1)})
		b.pass(time.Minute)
		var at []time.Duration
		for _, s := range b.broker.all() {
			at = append(at, s.at.Round(time.Second))
		}
		s := time.Second
		if diff := cmp.Diff([]time.Duration{0, 5 * s, 10 * s, 15 * s, 23 * s, 39 * s}, at); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestTheTimeoutRunsFromTheAck(t *testing.T) {
	inBubble(t, func(b *rig) {
		b.broker.say(hold)
		b.commit([]Message{message("a", 1)})
		b.pass(time.Hour)
		b.wantExpired()
		b.broker.release(0, nil)
		b.pass(5*time.Second - 1)
		b.wantExpired()
		if state, ok := b.State("a"); !ok || !state.Acked || state.Next.Sub(epochStart) != time.Hour+5*time.Second {
			t.Fatalf("state %+v", state)
		}
		b.pass(1)
		b.wantExpired("a/1 1h0m5s")
		b.pass(time.Hour)
		b.wantExpired("a/1 1h0m5s") // once
		b.wantIDs("a/1.1.1")
	})
}

func TestNoTimeoutNeverExpires(t *testing.T) {
	inBubble(t, func(b *rig) {
		m := message("a", 1)
		m.Timeout = 0
		b.commit([]Message{m})
		b.pass(24 * time.Hour)
		b.wantExpired()
		b.wantIDs("a/1.1.1")
	})
}

func TestTheGateComesFirst(t *testing.T) {
	inBubble(t, func(b *rig) {
		b.gate = errors.New("replies are unread")
		b.commit([]Message{message("a", 1), message("b", 1), message("c", 1)})
		b.pass(8*time.Second + time.Second/2)
		b.wantExpired()
		if b.asked != 4 {
			t.Fatalf("asked %d times in 3.5 s", b.asked)
		}
		b.commit(nil, "a")                          // its reply was among the unread
		b.commit([]Message{{Key: "b", Attempt: 2}}) // another reason for a new attempt
		b.mu.Lock()
		b.gate = nil
		b.mu.Unlock()
		b.pass(time.Second)
		b.wantExpired("c/1 9s")
	})
}

func TestFirstSendsDoNotWaitForTheGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newRig(t, openAt(t, newPath(t)))
		open := make(chan struct{})
		b.cfg.Gate = func(context.Context) error { <-open; return nil }
		b.run()
		b.commit([]Message{message("a", 1)})
		b.pass(6 * time.Second)
		b.commit([]Message{message("b", 1)})
		b.wantIDs("a/1.1.1", "b/1.1.2")
		b.pass(6 * time.Second)
		b.wantExpired()
		close(open)
		synctest.Wait()
		b.wantExpired("a/1 12s", "b/1 12s")
	})
}

func TestANewAttemptForgetsTheOldSchedule(t *testing.T) {
	inBubble(t, func(b *rig) {
		b.broker.say(hold)
		b.commit([]Message{message("a", 1)})
		next := Message{Key: "a", Attempt: 2, NotBefore: time.Now().Add(10 * time.Second), Timeout: 3 * time.Second}
		b.commit([]Message{next})
		b.broker.release(0, nil) // of the first attempt: stale
		b.pass(10*time.Second - 1)
		b.wantIDs("a/1.1.1")
		if state, _ := b.State("a"); state != (RowState{Attempt: 2, Next: next.NotBefore}) {
			t.Fatalf("state %+v", state)
		}
		b.pass(1)
		b.wantIDs("a/1.1.1", "a/2.1.2")
		second := b.broker.all()[1].msg
		if diff := cmp.Diff(map[string][]string{"H": {"a"}, "Attempt": {"2"}}, second.Header); diff != "" || string(second.Body) != "a" || second.Subject != "s.a" {
			t.Fatalf("the second attempt: %+v %s", second, diff)
		}
		b.broker.release(1, nil)
		b.pass(3 * time.Second)
		b.wantExpired("a/2 13s")
	})
}

func TestADeletedRowIsForgotten(t *testing.T) {
	for name, until := range map[string]func(b *rig){
		"sending": func(b *rig) {},
		"waiting": func(b *rig) { b.broker.release(0, errAway) },
		"acked":   func(b *rig) { b.broker.release(0, nil) },
		"expired": func(b *rig) { b.broker.release(0, nil); b.pass(5 * time.Second); b.expired = nil },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(b *rig) {
				b.broker.say(hold)
				b.commit([]Message{message("a", 1)})
				until(b)
				b.commit(nil, "a")
				if _, ok := b.State("a"); ok || b.Depth() != 0 {
					t.Fatal("the relay still knows it")
				}
				if name == "sending" {
					b.broker.release(0, errAway)
				}
				b.Reset()
				b.pass(time.Hour)
				b.wantIDs("a/1.1.1")
				b.wantExpired()
			})
		})
	}
}

// A key put again after its row was deleted is another send, whatever its attempt.
func TestAKeyComesBack(t *testing.T) {
	inBubble(t, func(b *rig) {
		b.commit([]Message{message("a", 1)})
		b.commit(nil, "a")
		b.commit([]Message{message("a", 1)})
		b.wantIDs("a/1.1.1", "a/1.1.2")
	})
}

func TestPutAndDeletedInOneTransaction(t *testing.T) {
	inBubble(t, func(b *rig) {
		// Put, then deleted: the table has nothing.
		b.commit([]Message{message("a", 1), message("b", 1)}, "a")
		if b.Depth() != 1 {
			t.Fatalf("depth %d, want b only", b.Depth())
		}
		// Deleted, then put: the table has it.
		must(t, b.db.Write(bg, func(tx Tx) error {
			return errors.Join(Delete(tx, "b"), Put(tx, message("b", 2)))
		}))
		b.Committed([]Message{message("b", 2)}, []string{"b"})
		b.pass(time.Minute)
		b.wantExpired("b/2 5s")
	})
}

func TestFirstSendsWithATimeWait(t *testing.T) {
	inBubble(t, func(b *rig) {
		late := messages(500)
		for i := range late {
			late[i].NotBefore = time.Now().Add(time.Minute)
		}
		b.commit(late)
		b.Reset() // it was never sent: nothing to repeat
		b.pass(time.Minute - 1)
		b.wantIDs()
		b.pass(1)
		if n := len(b.broker.ids()); n != 500 {
			t.Fatalf("%d sent at their time, want all: first sends are not paced", n)
		}
	})
}

func TestAnAttemptIsHeldToThePace(t *testing.T) {
	inBubble(t, func(b *rig) {
		var again []Message
		all := messages(300)
		b.commit(all[:150])
		for _, m := range all[:150] {
			again = append(again, Message{Key: m.Key, Attempt: 2})
		}
		for _, m := range all[150:] { // the relay has never heard of these
			m.Attempt = 2
			again = append(again, m)
		}
		b.pass(2 * time.Second) // the first sends no longer count
		b.commit(again)
		b.pass(time.Second)
		if n := len(b.broker.ids()) - 150; n < 100 || n > 111 {
			t.Fatalf("%d second attempts in a second, want 100 and a burst of 10", n)
		}
		b.commit([]Message{message("new", 1)})
		if ids := b.broker.ids(); !strings.HasPrefix(ids[len(ids)-1], "new/") {
			t.Fatal("a first send waited behind the paced ones")
		}
	})
}
