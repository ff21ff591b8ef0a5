package torture

import (
	"errors"
	"slices"
	"testing"
)

// TestBoard holds that every fault is in some row beside the one with all of them, and what the extents aim at.
func TestBoard(t *testing.T) {
	var struck []string
	for _, r := range Board() {
		can, err := choose(r.Faults)
		if err != nil {
			t.Error(err)
		}
		if r.Name != "everything" {
			struck = append(struck, r.Faults...)
		}
		for _, e := range []Extent{r.CI, r.Long} {
			cfg := Config{Transfers: e.Transfers, Strikes: e.Strikes}
			if n := rounds(cfg, can) * len(can); n < e.Strikes || n > e.Strikes+len(can) {
				t.Errorf("%s: %d strikes instead of %d", r.Name, n, e.Strikes)
			}
		}
		if r.Long.Strikes <= r.CI.Strikes || r.Long.Transfers <= r.CI.Transfers {
			t.Errorf("%s: long is not longer: %+v, %+v", r.Name, r.CI, r.Long)
		}
	}
	for _, f := range Faults() {
		if !slices.Contains(struck, f.Name) {
			t.Errorf("%s is in no row", f.Name)
		}
	}
	if _, err := ChooseRows([]string{"kills", "nonsense"}); !errors.Is(err, ErrRow) {
		t.Errorf("a row that is not there: %v", err)
	}
}

// TestBound holds the rule of three, and that a violation leaves no bound.
func TestBound(t *testing.T) {
	for _, tt := range []struct {
		fired, violations int
		want              float64
	}{{0, 0, 1}, {1, 0, 1}, {300, 0, 0.01}, {300, 1, 1}} {
		r := RowResult{Fired: tt.fired, Violations: tt.violations}
		if got := r.Bound(); got != tt.want {
			t.Errorf("%d fired, %d violations: below %g, want %g", tt.fired, tt.violations, got, tt.want)
		}
	}
}
