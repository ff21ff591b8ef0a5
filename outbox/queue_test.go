package outbox

import (
	"testing"
	"testing/synctest"
	"time"
)

// A receiver's queue is what the broker has stored for it and what is not answered: not what was never sent,
// nor what waits for its next attempt. A reset empties it, for the broker has nothing then.
func TestQueues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newRig(t, openAt(t, newPath(t)))
		b.cfg.Receiver = func(string) string { return "shop" }
		b.run()
		late := message("late", 1)
		late.NotBefore = time.Now().Add(time.Hour)
		wants := func(what string, waiting int, answered uint64) {
			t.Helper()
			if got := b.Queues()["shop"]; got != (Queue{waiting, answered}) {
				t.Errorf("%s: %+v, want %d waiting and %d answered", what, got, waiting, answered)
			}
		}
		b.commit([]Message{message("a", 1), message("b", 1), message("c", 1), late})
		b.pass(time.Second)
		wants("sent", 3, 0)
		b.commit(nil, "a")
		wants("one is answered", 2, 1)
		next := message("b", 2)
		next.NotBefore = time.Now().Add(time.Minute)
		b.commit([]Message{next})
		wants("one waits for its next attempt", 1, 1)
		b.Reset()
		wants("the broker has lost them", 0, 1)
		b.pass(2 * time.Second)
		wants("and has one again", 1, 1)
		b.pass(2 * time.Minute)
		wants("and the next attempt", 2, 1)
		b.commit(nil, "b", "c", "late")
		wants("all are answered", 0, 4)
	})
}
