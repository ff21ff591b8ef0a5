package lab

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// counting is an experiment of its own that finds as many anomalies as it is told.
func counting(anomalies int, claims bool, do func(worker, n int) error) Cell {
	t := &Technique{Name: "counting", On: []Database{Broker}, Claims: claims, Prepare: func(context.Context, *World, Database, Load) (*Trial, error) {
		return &Trial{
			Do:        func(_ context.Context, worker, n int) error { return do(worker, n) },
			Anomalies: func(context.Context) (int, error) { return anomalies, nil },
			Met:       &Met{},
		}, nil
	}}
	return Cell{Experiment: &Experiment{Name: "test", Techniques: []Technique{*t}}, Technique: t, On: Broker, Load: Load{Workers: 7, Keys: 1, Ops: 3000}}
}

// TestRun: each operation is done once, no worker does two at the same time, refusals are told apart.
func TestRun(t *testing.T) {
	var done [3000]atomic.Int32
	var busy [7]atomic.Int32
	r, err := Run(t.Context(), nil, counting(2, true, func(worker, n int) error {
		if busy[worker].Add(1) != 1 {
			t.Error("a worker does two at once")
		}
		defer busy[worker].Add(-1)
		done[n].Add(1)
		if n%3 == 0 {
			return ErrRefused
		}
		return nil
	}), nil)
	if err != nil {
		t.Fatal(err)
	}
	for n := range done {
		if times := done[n].Load(); times != 1 {
			t.Errorf("operation %d was done %d times", n, times)
		}
	}
	if r.Ops != 2000 || r.Refused != 1000 || r.Anomalies != 2 || r.P50 == 0 || r.PerSecond <= 0 || r.Broken() == "" {
		t.Errorf("%+v", r)
	}
}

// TestRunForATime: a cell that is not done in time ends, and says what it has done.
func TestRunForATime(t *testing.T) {
	c := counting(0, true, func(int, int) error { <-time.After(time.Millisecond); return nil })
	c.Load.Ops, c.Load.For = 1_000_000, 20*time.Millisecond
	r, err := Run(t.Context(), nil, c, nil)
	if err != nil || r.Ops == 0 || r.Ops == c.Load.Ops {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestRunFails: an operation that fails ends the cell, and is told.
func TestRunFails(t *testing.T) {
	disk := errors.New("the disk is gone")
	_, err := Run(t.Context(), nil, counting(0, true, func(_, n int) error {
		if n == 500 {
			return disk
		}
		return nil
	}), nil)
	if !errors.Is(err, disk) || !strings.Contains(err.Error(), "operation 500") {
		t.Errorf("%v", err)
	}
}

// TestBroken: a cure must have no anomalies, and a danger some; in a sweep only cures are judged.
func TestBroken(t *testing.T) {
	nothing := func(int, int) error { return nil }
	for _, c := range []struct {
		anomalies     int
		claims, swept bool
		wantBroken    int
	}{{0, true, false, 0}, {1, true, false, 1}, {1, true, true, 1}, {0, false, false, 1}, {1, false, false, 0}, {0, false, true, 0}} {
		w := &World{}
		r, err := RunAll(t.Context(), w, []Cell{counting(c.anomalies, c.claims, nothing)}, c.swept, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Broken) != c.wantBroken || r.OK() != (c.wantBroken == 0) {
			t.Errorf("%+v: %v", c, r.Broken)
		}
	}
}

// TestPlan: what is chosen is planned, without Postgres if there is none, and wrong names are told.
func TestPlan(t *testing.T) {
	w := &World{without: errors.New("none here")}
	cells, err := Plan(w, Choice{}, Load{})
	if err != nil || len(cells) == 0 {
		t.Fatalf("%d cells, %v", len(cells), err)
	}
	if slices.ContainsFunc(cells, func(c Cell) bool { return c.On == Postgres }) {
		t.Error("there is no Postgres")
	}
	for _, c := range []Choice{{Experiments: []string{"lost"}}, {Techniques: []string{"luck"}}, {On: []string{"oracle"}}} {
		if _, err := Plan(w, c, Load{}); !errors.Is(err, ErrUnknown) || !strings.Contains(err.Error(), "one of") {
			t.Errorf("%+v: %v", c, err)
		}
	}
	swept, err := Sweep(w, Choice{Experiments: []string{"lost-update"}, Techniques: []string{"atomic"}}, Load{}, []int{1, 5}, []int{2, 3})
	if err != nil || len(swept) != 4 || swept[3].Load.Keys != 5 || swept[3].Load.Workers != 3 {
		t.Errorf("%v, %v", swept, err)
	}
}

// TestExperimentsAreWhole: each begins with "none", has a cure, and says what everything is.
func TestExperimentsAreWhole(t *testing.T) {
	for _, e := range Experiments() {
		cures := 0
		for i, q := range e.Techniques {
			if (i == 0) != (q.Name == None) || q.Sentence == "" || len(q.On) == 0 || (q.Name == None && q.Claims) || q.Claims && q.Kind == "" {
				t.Errorf("%s, technique %d: %+v", e.Name, i, q)
			}
			if q.Claims {
				cures++
			}
		}
		if cures == 0 || e.Sentence == "" || e.Operation == "" || e.Anomaly == "" {
			t.Errorf("%s: %d cures, %+v", e.Name, cures, e)
		}
	}
}

// TestCharts: a report and a sweep are drawn as pictures that others can read.
func TestCharts(t *testing.T) {
	one, swept := &Report{}, &Report{Swept: true}
	for i, name := range []string{None, "atomic", "locked"} {
		r := Result{Experiment: "lost-update", Technique: name, On: SQLite, Workers: 4, Keys: 1, PerSecond: 9000 / float64(i+1), P99: time.Millisecond}
		r.Anomalies = 50 - 25*i
		one.Results = append(one.Results, r)
		for r.Keys = 1; r.Keys <= 100; r.Keys *= 10 {
			for r.Workers = 1; r.Workers <= 64; r.Workers *= 8 {
				swept.Results = append(swept.Results, r)
			}
		}
	}
	for want, r := range map[int]*Report{1: one, 6: swept} {
		dir := t.TempDir()
		names, err := WriteCharts(dir, r)
		if err != nil || len(names) != want {
			t.Fatalf("%v, %v", names, err)
		}
		for _, name := range names {
			picture, err := os.ReadFile(filepath.Join(dir, name+".png"))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := png.Decode(bytes.NewReader(picture)); err != nil {
				t.Errorf("%s.png: %v", name, err)
			}
			text, err := os.ReadFile(filepath.Join(dir, name+".svg"))
			if err != nil {
				t.Fatal(err)
			}
			for d := xml.NewDecoder(bytes.NewReader(text)); err == nil; {
				_, err = d.Token()
			}
			if err != io.EOF || !bytes.Contains(text, []byte("atomic")) {
				t.Errorf("%s.svg is not whole: %v", name, err)
			}
		}
	}
}
