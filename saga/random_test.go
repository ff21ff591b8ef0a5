package saga

import (
	"math/rand/v2"
	"testing"

	"github.com/girohq/giro/saga/internal/random"
)

// Every definition that is drawn is valid, has what it should have, and reads the same from its source.
func TestRandomDefinitions(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		children := random.Sagas{Whole: []string{"whole"}, Any: []string{"deal", "whole"}}
		text := random.Definition("any", r.IntN, children)
		def, err := Parse("any.yaml", []byte(text))
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if err := def.CheckInput([]byte(random.Input(r.IntN))); err != nil {
			t.Fatal(err)
		}
		whole := random.Whole("whole", r.IntN, children)
		if def, err := Parse("whole.yaml", []byte(whole)); err != nil || def.HasPivot() {
			t.Fatalf("%v\n%s", err, whole)
		}
	}
}
