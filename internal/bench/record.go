package bench

import (
	"encoding/json"
	"fmt"
	"os"
)

// Record is what shares once were, to compare later ones with. Rates are not in it: they are of one machine.
type Record struct {
	Levels []RecordedShare `json:"levels"`
}

// RecordedShare is one number of clients.
type RecordedShare struct {
	Clients   int     `json:"clients"`
	PerSecond float64 `json:"share_per_second"`
	CPU       float64 `json:"share_cpu"`
}

// tolerance is how much worse a share may be before it is told.
const tolerance = 0.1

// NewRecord records shares.
func NewRecord(s *Shares) *Record {
	r := &Record{}
	for _, l := range s.Levels {
		r.Levels = append(r.Levels, RecordedShare{l.Clients, l.PerSecond, l.CPU})
	}
	return r
}

// ReadRecord reads a file that [Record.Write] has written.
func ReadRecord(path string) (*Record, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r := &Record{}
	if err := json.Unmarshal(data, r); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(r.Levels) == 0 {
		return nil, fmt.Errorf("%s: no shares are recorded there", path)
	}
	return r, nil
}

// Write writes a file.
func (r *Record) Write(path string) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(data, '\n'), 0o644) // #nosec G306: not a secret
}

// Losses says which shares are more than a tenth worse than the recorded ones. A number of clients that is not in
// both is passed over.
func (r *Record) Losses(now *Shares) (losses []string) {
	for _, before := range r.Levels {
		for _, l := range now.Levels {
			if l.Clients != before.Clients {
				continue
			}
			if l.PerSecond < before.PerSecond*(1-tolerance) {
				losses = append(losses, fmt.Sprintf("at %d clients the share of the floor's throughput is %.2f, and was %.2f", l.Clients, l.PerSecond, before.PerSecond))
			}
			if l.CPU > before.CPU*(1+tolerance) {
				losses = append(losses, fmt.Sprintf("at %d clients the CPU is %.2f times the floor's, and was %.2f times", l.Clients, l.CPU, before.CPU))
			}
		}
	}
	return losses
}
