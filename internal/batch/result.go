package batch

import (
	"encoding/json"
	"time"

	"github.com/girohq/giro/internal/audit"
	"github.com/girohq/giro/internal/drive"
)

// Result is what became of a batch. The counts are of this run; what had ended before it is
// AlreadyDone and in no other.
type Result struct {
	Transfers int
	drive.Counts
	AlreadyDone int
	Before      drive.Counts // how those had ended
	Took        time.Duration
	Latency     drive.Latency
	Audit       *audit.Report // nil when the run was interrupted
}

// Left is how many transfers have not ended, nor been suspended.
func (r *Result) Left() int { return r.Transfers - r.AlreadyDone - r.Sum() }

// PerSecond is how many transfers of this run ended in each second of it.
func (r *Result) PerSecond() float64 {
	if r.Took <= 0 {
		return 0
	}
	return float64(r.Sum()) / r.Took.Seconds()
}

// MarshalJSON writes the object that `giro run -o json` prints.
func (r *Result) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Transfers   int           `json:"transfers"`
		Completed   int           `json:"completed"`
		Compensated int           `json:"compensated"`
		Suspended   int           `json:"suspended"`
		Abandoned   int           `json:"abandoned,omitempty"`
		AlreadyDone int           `json:"already_done"`
		Seconds     float64       `json:"seconds"`
		PerSecond   float64       `json:"per_second"`
		Latency     drive.Latency `json:"latency_ms"`
		Audit       *audit.Report `json:"audit"`
	}{
		r.Transfers, r.Completed, r.Compensated, r.Suspended, r.Abandoned, r.AlreadyDone, r.Took.Seconds(), r.PerSecond(),
		r.Latency, r.Audit,
	})
}
