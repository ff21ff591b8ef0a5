package lab

import (
	"os"
	"testing"
)

// TestCures runs each technique where it can be. One that claims to cure must show no anomaly; one
// that does not must show some, or its experiment shows nothing: who is overtaken is chance, so it
// may do more operations until it does.
func TestCures(t *testing.T) {
	w, err := NewWorld(t.Context(), WorldConfig{Dir: t.TempDir(), DSN: os.Getenv("GIRO_POSTGRES")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, e := range Experiments() {
		for i := range e.Techniques {
			q := &e.Techniques[i]
			for _, on := range q.On {
				t.Run(e.Name+"/"+q.Name+"/"+string(on), func(t *testing.T) {
					if !w.Has(on) {
						t.Skip("NOT RUN ON POSTGRES: ", w.Without())
					}
					cure(t, w, Cell{Experiment: &e, Technique: q, On: on})
				})
			}
		}
	}
}

// cells is how often a technique without protection may try to show what happens.
const cells = 5

func cure(t *testing.T, w *World, c Cell) {
	c.Load = Load{Workers: 8, Keys: 4, Ops: 500, Seed: 1}
	if c.On == Broker || c.Technique.Kind == "distributed lock" {
		c.Load.Ops = 150 // each is many messages
	}
	for try := 1; ; try++ {
		r, err := Run(t.Context(), w, c, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%+v", r)
		if r.Ops == 0 || r.Ops+r.Refused != c.Load.Ops {
			t.Fatalf("%d operations were done and %d refused, of %d", r.Ops, r.Refused, c.Load.Ops)
		}
		switch why := r.Broken(); {
		case why == "":
			return
		case c.Technique.Claims || try == cells:
			t.Fatal(why)
		}
		c.Load.Ops *= 2
		c.Load.Seed++
	}
}
