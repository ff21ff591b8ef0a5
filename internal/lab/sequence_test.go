package lab

import (
	"slices"
	"testing"
)

// TestShuffledChanges holds that each change is delivered once, among those of the items of its time,
// and in the same order for the same seed.
func TestShuffledChanges(t *testing.T) {
	load := Load{Keys: 3, Ops: 100, Seed: 5}
	order := load.shuffle()
	if again := load.shuffle(); !slices.Equal(order, again) {
		t.Error("the order is not that of the seed")
	}
	if slices.IsSorted(order) {
		t.Error("nothing is shuffled")
	}
	for n, change := range order {
		item, _ := load.change(change)
		if due, _ := load.change(n); item/load.items() != due/load.items() {
			t.Errorf("delivery %d is of item %d, whose time is not that of item %d", n, item, due)
		}
	}
	slices.Sort(order)
	for n, change := range order {
		if n != change {
			t.Fatalf("change %d is not delivered once", n)
		}
	}
}
