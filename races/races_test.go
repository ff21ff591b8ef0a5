package races

import (
	"regexp"
	"strings"
	"sync"
	"testing"
)

// TestKinds: each kind has a name of its own that is a label, and one sentence that fits a terminal.
func TestKinds(t *testing.T) {
	label := regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)
	seen := map[string]bool{}
	for _, k := range Kinds() {
		if !label.MatchString(k.Name()) || seen[k.Name()] {
			t.Errorf("kind %d: name %q", k, k.Name())
		}
		seen[k.Name()] = true
		if s := k.Sentence(); !strings.HasSuffix(s, ".") || len(s) > 100 {
			t.Errorf("%s: %q", k.Name(), s)
		}
	}
}

// TestCounts adds from several goroutines and misses none; a nil one takes everything and keeps nothing.
func TestCounts(t *testing.T) {
	const each = 1000
	var c Counts
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range each {
				c.Add(Deadlock)
				c.AddN(LateReply, 2)
				(*Counts)(nil).Add(Deadlock)
			}
		})
	}
	wg.Wait()
	if c.Of(Deadlock) != 4*each || c.Map()["late_reply"] != 8*each || c.Of(LockWait) != 0 {
		t.Errorf("%v", c.Map())
	}
	if none := (*Counts)(nil); none.Of(Deadlock) != 0 || len(none.Map()) != len(Kinds()) {
		t.Errorf("%v", none.Map())
	}
	if Or(&c) != &c || Or(nil) == nil {
		t.Error("Or")
	}
}
