package outbox

import (
	"testing"
	"testing/synctest"
	"time"
)

// The broker need not keep what was answered, what was sent once more, and what it has lost; what may be unread it
// must, also when its acknowledgement is not there yet.
func TestSent(t *testing.T) {
	path := newPath(t)
	synctest.Test(t, func(t *testing.T) {
		db := openAt(t, path)
		b := newRig(t, db)
		b.run()
		wants := func(what string, all, spare int64) {
			t.Helper()
			if a, s := b.Sent(); a != all || s != spare {
				t.Errorf("%s: %d were sent and %d are spare, want %d and %d", what, a, s, all, spare)
			}
		}
		wants("nothing", 0, 0)
		late := message("late", 1)
		late.NotBefore = time.Now().Add(time.Hour)
		b.commit([]Message{message("a", 1), message("b", 1), message("c", 1), late})
		wants("sent", 3, 0)
		b.commit(nil, "b")
		wants("one is answered behind another", 3, 0)
		b.commit(nil, "a")
		wants("that one too", 3, 2)
		next := message("c", 2)
		next.NotBefore = time.Now().Add(time.Minute)
		b.commit([]Message{next})
		wants("the third will be sent again", 3, 3)
		b.pass(2 * time.Minute)
		wants("and was", 4, 3)
		b.broker.say(hold)
		b.commit([]Message{message("d", 1)})
		b.commit(nil, "c")
		wants("not acknowledged yet", 5, 4)
		b.broker.release(len(b.broker.held)-1, nil)
		wants("acknowledged", 5, 4)
		b.broker.say(nil)
		b.Reset()
		wants("the broker has lost it", 5, 5)
		b.pass(time.Minute)
		wants("and has it again", 6, 5)
		b.commit(messages(3000))
	})
	synctest.Test(t, func(t *testing.T) { // another process
		b := newRig(t, openAt(t, path))
		b.run()
		b.pass(time.Second)
		all, spare := b.Sent()
		if all < 2 || all > 3000 || spare != 0 {
			t.Fatalf("%d were sent and %d are spare, and what an earlier process has sent may be unread", all, spare)
		}
		sent := b.broker.all()
		for _, s := range sent[:len(sent)-1] {
			b.commit(nil, s.msg.Key)
		}
		if now, spare := b.Sent(); now != all || spare != 0 {
			t.Errorf("%d were sent and %d are spare, and others may be unread", now, spare)
		}
		b.pass(time.Minute)
		if _, spare := b.Sent(); spare != all-1 {
			t.Errorf("all others are sent again, so %d are spare, not %d", all-1, spare)
		}
	})
}
