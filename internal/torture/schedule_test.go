package torture

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
	"time"
)

// script is what of a schedule can be compared.
func script(seed uint64, cfg Config) (list []string, at []float64, seeds []uint64) {
	for _, s := range schedule(seed, Faults(), rounds(cfg, Faults())) {
		list, at, seeds = append(list, s.Fault.Name), append(at, s.At), append(seeds, s.Seed)
	}
	return list, at, seeds
}

// TestScheduleIsOfItsSeed holds that one seed is one schedule, in order, with every fault in each round.
func TestScheduleIsOfItsSeed(t *testing.T) {
	cfg := Config{Duration: 10 * time.Minute}
	names, at, seeds := script(7, cfg)
	again, atAgain, seedsAgain := script(7, cfg)
	if !reflect.DeepEqual(names, again) || !reflect.DeepEqual(at, atAgain) || !reflect.DeepEqual(seeds, seedsAgain) {
		t.Error("the same seed gives another schedule")
	}
	if other, _, _ := script(8, cfg); reflect.DeepEqual(names, other) {
		t.Error("another seed gives the same schedule")
	}
	struck := map[string]int{}
	for i, name := range names {
		struck[name]++
		if i > 0 && at[i] <= at[i-1] || at[i] < 0 || at[i] > 1 {
			t.Errorf("strike %d is at %f, after %f", i, at[i], at[max(0, i-1)])
		}
	}
	for _, f := range Faults() {
		if struck[f.Name] != rounds(cfg, Faults()) || struck[f.Name] < 2 {
			t.Errorf("%s strikes %d times", f.Name, struck[f.Name])
		}
	}
	if short, _, _ := script(7, Config{Transfers: 1}); len(short) != len(Faults()) {
		t.Errorf("a short run strikes %d times, there are %d faults", len(short), len(Faults()))
	}
}

func TestTransfersAreOfTheirSeed(t *testing.T) {
	doomed := 0
	for n := range 1000 {
		a, b := newTransfer(3, n, 3), newTransfer(3, n, 3)
		if !bytes.Equal(a.Input, b.Input) || a.Type != b.Type {
			t.Fatalf("transfer %d is %s and %s", n, a.Input, b.Input)
		}
		if a.doomed {
			doomed++
		}
	}
	if doomed < 100 || doomed > 300 {
		t.Errorf("%d of 1000 transfers cannot complete", doomed)
	}
}

// TestFaultsSayWhatTheyAre holds that each fault can be listed, planned and chosen.
func TestFaultsSayWhatTheyAre(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range Faults() {
		if f.Sentence == "" || f.Takes <= 0 || f.Strike == nil || seen[f.Name] {
			t.Errorf("%q is no whole fault", f.Name)
		}
		seen[f.Name] = true
		if one, err := choose([]string{f.Name}); err != nil || len(one) != 1 || one[0].Name != f.Name {
			t.Errorf("%s cannot be chosen: %v", f.Name, err)
		}
	}
	if _, err := choose([]string{"kill-bank", "luck"}); !errors.Is(err, ErrUnknown) {
		t.Errorf("error is %v, want ErrUnknown", err)
	}
}

// TestImpossibleFaultsAreVoid holds that what a machine cannot make is told, and is not green.
func TestImpossibleFaultsAreVoid(t *testing.T) {
	chosen := []Fault{{Name: "can"}, {Name: "cannot", Needs: func() error { return errors.New("needs a hammer") }}}
	can, cannot := possible(chosen)
	if len(can) != 1 || can[0].Name != "can" {
		t.Errorf("possible are %v", can)
	}
	r := &run{book: newBook(nil), report: &Report{Strikes: []StrikeResult{{Fault: "can", Fired: true}}}}
	r.results(chosen, cannot)
	r.report.Transfers, r.report.Struck = Outcomes{Completed: 1}, Share{1, 1}
	r.report.judge()
	if want := []string{"fault cannot never fired: needs a hammer"}; r.report.Verdict != Void || !reflect.DeepEqual(r.report.Reasons, want) {
		t.Errorf("%s because of %q, want void because of %q", r.report.Verdict, r.report.Reasons, want)
	}
}
