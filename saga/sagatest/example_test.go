package sagatest_test

import (
	"encoding/json"
	"fmt"

	"github.com/girohq/giro/saga"
	"github.com/girohq/giro/saga/sagatest"
)

// Simulate your own definition before you run it: 20 seeds, each with its own faults.
func ExampleRun() {
	def, err := saga.Parse("trip.yaml", []byte(`
saga: trip
version: 1
steps:
  - {id: hotel, participant: A, action: book, undo: cancel, timeout: 5s}
  - {id: flight, participant: B, action: book, undo: cancel, timeout: 5s}
  - {id: pay, participant: C, action: charge, timeout: 5s}
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	trips := sagatest.Workload{Definition: def, Input: func(*sagatest.Rand, int) json.RawMessage { return json.RawMessage(`{}`) }}
	var all sagatest.Report
	for seed := range uint64(20) {
		all.Add(sagatest.Run(sagatest.Config{Seed: seed, Workloads: []sagatest.Workload{trips}}))
	}
	fmt.Println(all.Sagas, "sagas,", len(all.Violations), "violations")
	// Output: 800 sagas, 0 violations
}
