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
