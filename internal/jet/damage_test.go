package jet_test

import (
	"os"
	"path/filepath"
	"testing"
)

// TestDamagedConsumer holds that a reader goes on when the broker's file of its durable is damaged: the
// server then refuses that name for ever. Found by giro torture, seed 62: store-state-flip.
func TestDamagedConsumer(t *testing.T) {
	b := newBroker(t)
	s := newSide(t, b)
	s.makeStream()
	s.publish("a", "b")
	r := read(t, b, nil)
	ack(t, r.want(1, "a", "b")[1])
	s.settled(r.nc, stem+r.epoch().Incarnation)
	for epoch := uint64(2); epoch < 4; epoch++ { // the second time the spare is damaged too
		b.restart(func(store string) {
			files, err := filepath.Glob(filepath.Join(store, "*", "streams", "*", "obs", "*", "o.dat"))
			if err != nil || len(files) == 0 {
				t.Fatalf("no consumer has a file: %v", err)
			}
			for _, file := range files {
				if err := os.WriteFile(file, []byte("this is no state of a consumer"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		})
		ack(t, r.want(epoch, "a", "b")[1])
	}
}

// TestConsumerAheadOfItsStream holds that a reader goes on when the stream has lost its end, and its durable
// was made again from a state that is beyond it: the server then keeps from it what comes until the stream is
// as long as it was. Found by giro torture board, seed 1795815209309850815: store-state-flip, then
// store-bit-flip.
func TestConsumerAheadOfItsStream(t *testing.T) {
	b := newBroker(t)
	s := newSide(t, b)
	s.makeStream()
	s.publish("a", "b", "c")
	r := read(t, b, nil)
	for _, m := range r.want(1, "a", "b", "c") {
		ack(t, m)
	}
	s.settled(r.nc, stem+r.epoch().Incarnation)
	b.restart(func(store string) {
		metas, err := filepath.Glob(filepath.Join(store, "*", "streams", "*", "obs", "*", "meta.inf"))
		if err != nil || len(metas) == 0 {
			t.Fatalf("no consumer has a file: %v", err)
		}
		for _, meta := range metas {
			if err := os.WriteFile(meta, []byte("this describes no consumer"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		messages, err := filepath.Glob(filepath.Join(store, "*", "streams", "*", "msgs"))
		if err != nil || len(messages) == 0 {
			t.Fatalf("no stream has messages: %v", err)
		}
		for _, dir := range messages {
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
		}
	})
	s.publish("d")
	ack(t, r.want(2, "d")[0])
}
