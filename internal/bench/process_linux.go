package bench

import (
	"time"

	"github.com/prometheus/procfs"
)

// cpuOf is what another process has used so far.
func cpuOf(pid int) (time.Duration, error) {
	p, err := procfs.NewProc(pid)
	if err != nil {
		return 0, err
	}
	s, err := p.Stat()
	return time.Duration(s.CPUTime() * float64(time.Second)), err
}
