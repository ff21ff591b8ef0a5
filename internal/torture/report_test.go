package torture

import (
	"strings"
	"testing"
)

// TestVerdict holds that only a run that has shown something is green.
func TestVerdict(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*Report)
		want   Verdict
		reason string
	}{
		"all is well":            {func(*Report) {}, Green, ""},
		"a violation":            {func(r *Report) { r.Violations = []Violation{{"I3", "", "a cent is missing"}} }, Red, "a cent is missing"},
		"a fault that did not":   {func(r *Report) { r.Faults[1].Fired = 0; r.Faults[1].Void = "no root" }, Void, "b never fired: no root"},
		"too little succeeded":   {func(r *Report) { r.Struck.Succeeded = 4 }, Void, "only 4 of 10"},
		"nothing completed":      {func(r *Report) { r.Transfers.Completed = 0 }, Void, "no transfer completed"},
		"nobody asked meanwhile": {func(r *Report) { r.Struck = Share{} }, Void, "only 0 of 0"},
		"a path not taken":       {func(r *Report) { r.Rare[0].Reached = 0 }, Void, "a fired, and never led to there"},
		"a path of nobody":       {func(r *Report) { r.Rare[1].Reached = 0 }, Green, ""},
		"wrong and void":         {func(r *Report) { r.Violations, r.Faults = []Violation{{"I1", "T-1", "gone"}}, nil }, Red, "gone"},
	} {
		r := &Report{Faults: []FaultResult{{Name: "a", Struck: 2, Fired: 2}, {Name: "b", Struck: 1, Fired: 1}},
			Rare:   []RarePath{{Name: "there", Reached: 1, fault: "a"}, {Name: "elsewhere", Reached: 1, fault: "c"}},
			Struck: Share{Asked: 10, Succeeded: 5}, Transfers: Outcomes{Completed: 9}}
		tt.change(r)
		r.judge()
		if r.Verdict != tt.want || !strings.Contains(strings.Join(r.Reasons, "\n"), tt.reason) {
			t.Errorf("%s: %s because of %q, want %s because of %q", name, r.Verdict, r.Reasons, tt.want, tt.reason)
		}
	}
}

// TestNobodyAsked holds that a saga of nobody is a violation, which the audit of the databases cannot see.
func TestNobodyAsked(t *testing.T) {
	b := newBook(nil)
	b.add(&transfer{ID: "T-1"})
	b.unasked([]string{"T-1", "T-1-again"})
	if v := b.violations; len(v) != 1 || v[0].Invariant != "I9" || v[0].Saga != "T-1-again" {
		t.Errorf("violations are %v", v)
	}
}
