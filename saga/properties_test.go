package saga

import (
	"fmt"
	"strings"
	"testing"
)

// enumerated are the definitions that TestModel explores completely, one letter a step (see
// ofKinds), with the worlds that each has. A change of these numbers is a change of behaviour.
var enumerated = []struct {
	kinds     string
	attempts  int
	conflicts bool // participants may answer conflict at any time
	breach    bool // and refuse what cannot be refused
	abandons  bool // operators abandon
	wishes    bool // and skip and resolve
	force     bool // and do not wait for a fence
	worlds    int
}{
	{kinds: "C", attempts: 2, worlds: 15698},
	{kinds: "P", attempts: 2, worlds: 1590},
	{kinds: "CP", attempts: 1, worlds: 1273},
	{kinds: "CP", attempts: 2, worlds: 1130904},
	{kinds: "CP", attempts: 1, conflicts: true, breach: true, worlds: 17922},
	{kinds: "PT", attempts: 2, worlds: 6148},
	{kinds: "PTT", attempts: 2, worlds: 69960},
	{kinds: "RP", attempts: 2, worlds: 22438},
	{kinds: "PR", attempts: 1, conflicts: true, breach: true, worlds: 2820},
	{kinds: "CC", attempts: 1, conflicts: true, worlds: 65722},
	{kinds: "CCC", attempts: 1, worlds: 34181},
	{kinds: "CCP", attempts: 1, worlds: 12077},
	{kinds: "CRP", attempts: 1, conflicts: true, breach: true, worlds: 74234},
	{kinds: "CPT", attempts: 1, conflicts: true, breach: true, worlds: 26802},
	{kinds: "CPTT", attempts: 1, conflicts: true, breach: true, worlds: 204402},
	{kinds: "CCPT", attempts: 1, worlds: 12245},
	{kinds: "CPRT", attempts: 1, worlds: 1525},
	{kinds: "CRPRT", attempts: 1, breach: true, worlds: 7617},
	{kinds: "CC[]", attempts: 1, worlds: 35060},
	{kinds: "CC[]P[12]", attempts: 1, worlds: 58896},
	{kinds: "CC[1]C[1]P[23]", attempts: 1, worlds: 361203},
	{kinds: "H", attempts: 1, conflicts: true, breach: true, worlds: 17922},
	{kinds: "CH", attempts: 1, worlds: 12077},
	{kinds: "HC[]", attempts: 1, worlds: 58896},
	{kinds: "HPT", attempts: 1, breach: true, worlds: 12325},
	{kinds: "PT[1]T[1]", attempts: 1, conflicts: true, breach: true, worlds: 297540},
	{kinds: "C", attempts: 1, conflicts: true, wishes: true, force: true, worlds: 78268},
	{kinds: "P", attempts: 1, conflicts: true, wishes: true, force: true, worlds: 2614},
	{kinds: "CP", attempts: 1, wishes: true, worlds: 36271},
	{kinds: "CPT", attempts: 1, wishes: true, breach: true, worlds: 195131},
	{kinds: "H", attempts: 1, wishes: true, worlds: 33151},
	{kinds: "CC[]", attempts: 1, abandons: true, worlds: 103388},
	{kinds: "PT", attempts: 1, wishes: true, force: true, breach: true, worlds: 30059},
}

// TestModel enumerates small definitions completely: in every world that can be reached a step
// stands at most once, a completed saga has all effects and a compensated one none, nobody is left
// waiting for nothing, and from every world the end can still be reached.
func TestModel(t *testing.T) {
	for _, c := range enumerated {
		if c.worlds > 100_000 && (raceEnabled || testing.Short()) {
			continue
		}
		name := fmt.Sprintf("%s-%d", c.kinds, c.attempts)
		if c.conflicts {
			name += "-conflicts"
		}
		if c.breach {
			name += "-breach"
		}
		if c.abandons {
			name += "-abandons"
		}
		if c.wishes {
			name += "-wishes"
		}
		if c.force {
			name += "-force"
		}
		t.Run(name, func(t *testing.T) {
			m := newModel(ofKinds(t, c.kinds, c.attempts), c.attempts)
			m.conflicts, m.breach, m.abandons, m.wishes, m.force = c.conflicts, c.breach, c.abandons, c.wishes, c.force
			worlds, err := m.explore()
			if err != nil {
				t.Fatalf("%v\n%s", err, m.tell(worlds[len(worlds)-1]))
			}
			if w, dead := m.dead(worlds); dead {
				t.Fatalf("it cannot end any more:\n%s", m.tell(w))
			}
			if len(worlds) != c.worlds {
				t.Errorf("%d worlds, and there were %d", len(worlds), c.worlds)
			}
		})
	}
}

// Without the fence the model must find lost money, or it finds nothing at all.
func TestModelFindsTheMissingFence(t *testing.T) {
	m := newModel(ofKinds(t, "CP", 1), 1)
	m.noFence = true
	if _, err := m.explore(); err == nil || !strings.Contains(err.Error(), "stands 1 times") {
		t.Errorf("it found %v", err)
	}
}
