package orchestrator

import (
	"fmt"
	"testing"

	"github.com/girohq/giro/saga"
)

// TestCacheIsBounded: only sagas that wait for a reply are kept, and no more of them than there is room.
func TestCacheIsBounded(t *testing.T) {
	c := newCache(10_000)
	busy := func(result int) *entry {
		return &entry{in: saga.Instance{State: saga.Running, Steps: []saga.Step{
			{State: saga.StepRunning, Participant: "P", Result: make([]byte, result)}}}}
	}
	for i := range 100 {
		c.put(fmt.Sprint(i), busy(i*10))
		if c.size > c.limit {
			t.Fatalf("%d bytes after %d", c.size, i)
		}
	}
	if len(c.entries) == 0 || len(c.entries) > 20 {
		t.Errorf("%d entries", len(c.entries))
	}
	for id := range c.entries {
		e := busy(0)
		e.in.Steps[0].Participant = "" // it sleeps
		c.put(id, e)
	}
	if len(c.entries) != 0 || c.size != 0 {
		t.Errorf("%d entries and %d bytes are left of sagas that sleep", len(c.entries), c.size)
	}
	c.put("big", busy(20_000))
	c.put("small", busy(10))
	c.put("small", &entry{in: saga.Instance{State: saga.Completed}})
	if len(c.entries) != 0 || c.size != 0 {
		t.Errorf("%d entries, %d bytes", len(c.entries), c.size)
	}
}
