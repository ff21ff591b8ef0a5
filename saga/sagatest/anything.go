package sagatest

import (
	"encoding/json"
	"strings"

	"github.com/girohq/giro/saga"
	"github.com/girohq/giro/saga/internal/random"
)

// anything is in the names of all definitions that were drawn.
const anything = "any-"

// Anything draws a definition from a seed: a graph of up to eight steps of all kinds and forms, and the
// sagas that it runs. People deal with its sagas: they signal, skip, resolve and abandon.
func Anything(seed uint64) Workload {
	draw := NewRand(seed ^ 0xa5a5a5a5).Intn
	leaf := mustParse(random.Whole(anything+"leaf", draw, random.Sagas{}))
	whole := mustParse(random.Whole(anything+"whole", draw, random.Sagas{Whole: []string{leaf.Name}}))
	deal := mustParse(random.Definition(anything+"deal", draw, random.Sagas{Whole: []string{leaf.Name}, Any: []string{leaf.Name}}))
	of := random.Sagas{Whole: []string{whole.Name, leaf.Name}, Any: []string{deal.Name, whole.Name}}
	return Workload{
		Definition: mustParse(random.Definition(anything+"thing", draw, of)),
		Children:   []*saga.Definition{leaf, whole, deal},
		Input:      func(r *Rand, _ int) json.RawMessage { return json.RawMessage(random.Input(r.Intn)) },
	}
}

// drawn says whether a saga is of a definition that was drawn.
func drawn(in *saga.Instance) bool { return strings.HasPrefix(in.Type, anything) }
