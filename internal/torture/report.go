package torture

import (
	"fmt"
	"time"

	"github.com/girohq/giro/internal/farm"
	"github.com/girohq/giro/saga"
)

// Verdict is what a run has shown.
type Verdict string

// The verdicts.
const (
	Green Verdict = "green" // nothing is wrong, every chosen fault fired, enough succeeded
	Red   Verdict = "red"   // something is wrong
	Void  Verdict = "void"  // nothing was shown
)

// Report is what a run was and what it has found.
type Report struct {
	Verdict Verdict  `json:"verdict"`
	Reasons []string `json:"reasons"` // why it is not green

	Version string    `json:"version"`
	Commit  string    `json:"commit"`
	Machine string    `json:"machine"`
	Began   time.Time `json:"began"`
	Seed    uint64    `json:"seed"`
	Clients int       `json:"clients"`
	Banks   int       `json:"banks"`
	Seconds float64   `json:"seconds"` // with the drain and the audit
	Drained float64   `json:"drain_seconds"`
	Dir     string    `json:"dir"`

	Transfers  Outcomes         `json:"transfers"`
	Requests   Told             `json:"requests"`
	Struck     Share            `json:"during_faults"`
	Faults     []FaultResult    `json:"faults"`
	Strikes    []StrikeResult   `json:"strikes"`
	Invariants []InvariantCount `json:"invariants"`
	Rare       []RarePath       `json:"rare_paths"`
	Violations []Violation      `json:"violations"`
	Deaths     []farm.Death     `json:"deaths"` // processes that ended though nobody had struck them
	Timeline   []Second         `json:"timeline"`
}

// Outcomes counts transfers.
type Outcomes struct {
	Asked       int            `json:"asked"`
	Accepted    int            `json:"accepted"`
	Completed   int            `json:"completed"`
	Compensated int            `json:"compensated"`
	Suspended   int            `json:"suspended"`
	Open        int            `json:"open"`   // accepted, and neither ended nor suspended
	Unsure      int            `json:"unsure"` // whoever asked was never answered, and they are not there
	Causes      map[string]int `json:"causes"` // of those that are not completed
}

// Share is how many of the transfers that were asked for while faults struck did what was asked: they
// completed, or were refused for a reason of the business.
type Share struct {
	Asked     int `json:"asked"`
	Succeeded int `json:"succeeded"`
}

// Of is the share, 0 to 1.
func (s Share) Of() float64 {
	if s.Asked == 0 {
		return 0
	}
	return float64(s.Succeeded) / float64(s.Asked)
}

// FaultResult is how a chosen fault fared.
type FaultResult struct {
	Name    string  `json:"name"`
	Struck  int     `json:"struck"`
	Fired   int     `json:"fired"`
	Void    string  `json:"void,omitempty"`        // why it never fired
	Median  float64 `json:"recovered_p50_seconds"` // until all was well again
	Longest float64 `json:"recovered_max_seconds"` //
}

// StrikeResult is one strike.
type StrikeResult struct {
	Fault     string  `json:"fault"`
	At        float64 `json:"at_seconds"`
	Took      float64 `json:"took_seconds"`
	Healthy   float64 `json:"healthy_seconds"`   // until the orchestrator said that it was well, after it
	Recovered float64 `json:"recovered_seconds"` // until all was well, after it; 0: it was not waited for
	Detail    string  `json:"detail"`
	Fired     bool    `json:"fired"`
}

// InvariantCount is how much was judged by an invariant.
type InvariantCount struct {
	Name       string `json:"name"`
	Judged     int    `json:"judged"`
	What       string `json:"what"` // is counted in Judged
	Violations int    `json:"violations"`
}

// Violation is something that must not be.
type Violation struct {
	Invariant string `json:"invariant"`
	Saga      string `json:"saga,omitempty"`
	Detail    string `json:"detail"`
}

func (v *Violation) Error() string { return v.Invariant + ": " + v.Detail }

// enough is the share of successes while faults struck below which a run has shown nothing.
const enough = 0.5

// judge sets the verdict and its reasons.
func (r *Report) judge() {
	r.Reasons = []string{}
	say := func(format string, a ...any) { r.Reasons = append(r.Reasons, fmt.Sprintf(format, a...)) }
	for _, v := range r.Violations {
		say("%s %s: %s", v.Invariant, v.Saga, v.Detail)
	}
	if len(r.Reasons) > 0 {
		r.Verdict = Red
		return
	}
	for _, f := range r.Faults {
		if f.Fired == 0 {
			say("fault %s never fired: %s", f.Name, f.Void)
		}
	}
	for _, p := range r.Rare {
		if p.Reached == 0 && r.fired(p.fault) > 0 {
			say("%s fired, and never led to %s", p.fault, p.Name)
		}
	}
	if r.Transfers.Completed == 0 {
		say("no transfer completed")
	}
	if len(r.Faults) > 0 && r.Struck.Of() < enough {
		say("only %d of %d transfers succeeded that were asked for while faults struck", r.Struck.Succeeded, r.Struck.Asked)
	}
	r.Verdict = Green
	if len(r.Reasons) > 0 {
		r.Verdict = Void
	}
}

// fired is how often a fault has struck.
func (r *Report) fired(fault string) int {
	for _, f := range r.Faults {
		if f.Name == fault {
			return f.Fired
		}
	}
	return 0
}

// outcomes counts what became of all transfers.
func (b *book) outcomes() (o Outcomes, struck Share) {
	b.mu.Lock()
	defer b.mu.Unlock()
	o.Causes = make(map[string]int)
	for _, t := range b.transfers {
		o.Asked++
		if !t.Accepted {
			o.Unsure++
		} else {
			o.Accepted++
			o.add(t)
		}
		if t.struck {
			struck.Asked++
			if t.succeeded() {
				struck.Succeeded++
			}
		}
	}
	return o, struck
}

func (o *Outcomes) add(t *transfer) {
	switch t.State {
	case saga.Completed:
		o.Completed++
	case saga.Compensated:
		o.Compensated++
	case saga.Suspended:
		o.Suspended++
	default:
		o.Open++
	}
	if t.cause != nil {
		o.Causes[reason(t.cause)]++
	}
}

// succeeded: it did what was asked, or was refused for a reason of the business.
func (t *transfer) succeeded() bool {
	return t.State == saga.Completed || t.State == saga.Compensated && t.cause != nil && t.cause.Kind == saga.CauseRejected
}

// reason is a cause in one word.
func reason(c *saga.Cause) string {
	if c.Code != "" {
		return c.Code
	}
	return string(c.Kind)
}
