package lab

import "testing"

// TestAsked holds that each thing is asked for by as many as it is said to be, whatever the load.
func TestAsked(t *testing.T) {
	for _, l := range []Load{{Keys: 1, Ops: 1}, {Keys: 1, Ops: 4000}, {Keys: 7, Ops: 280}, {Keys: 7, Ops: 283}, {Keys: 100, Ops: 30}} {
		counts := map[int]int{}
		for n := range l.Ops {
			thing, asker := l.asked(n)
			if thing < 0 || thing >= l.things() {
				t.Errorf("%+v: operation %d is about thing %d of %d", l, n, thing, l.things())
			}
			if asker != counts[thing] {
				t.Errorf("%+v: operation %d is asker %d of thing %d, want %d", l, n, asker, thing, counts[thing])
			}
			counts[thing]++
		}
		if len(counts) != l.things() {
			t.Errorf("%+v: %d things, want %d", l, len(counts), l.things())
		}
		if whole := l.Ops%(l.Keys*askers) == 0; whole && len(counts)*askers != l.Ops {
			t.Errorf("%+v: %d things for %d operations", l, len(counts), l.Ops)
		}
	}
}
