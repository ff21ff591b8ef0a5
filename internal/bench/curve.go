package bench

import (
	"cmp"
	"errors"
	"time"

	"github.com/girohq/giro/internal/chart"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
)

// WriteCurve draws latency over load into a file, as SVG or PNG by its ending: for each door, the median and the
// slowest hundredth over the transfers a second that arrived; in a closed loop, that were carried.
func WriteCurve(path string, r *Report) error {
	if len(r.Levels) == 0 {
		return errors.New("bench: nothing was measured, so there is no curve")
	}
	c := chart.New("Latency over load")
	c.X.Label.Text, c.Y.Label.Text = "transfers a second", "milliseconds from start to end"
	c.Y.Scale, c.Y.Tick.Marker, c.X.Tick.Marker = plot.LogScale{}, chart.Decades, chart.Thousands
	c.Legend.Top, c.Legend.Left = true, true
	c.Y.Min = milliseconds(r.Levels[0].Latency.P50)
	for i, door := range doorsOf(r) {
		var p50, p99 plotter.XYs
		for _, l := range r.Levels {
			if l.Door != door {
				continue
			}
			x := cmp.Or(l.Rate, l.PerSecond)
			p50 = append(p50, plotter.XY{X: x, Y: milliseconds(l.Latency.P50)})
			p99 = append(p99, plotter.XY{X: x, Y: milliseconds(l.Latency.P99)})
			c.Y.Min, c.Y.Max = min(c.Y.Min, p50[len(p50)-1].Y), max(c.Y.Max, p99[len(p99)-1].Y)
		}
		c.Line(2*i, string(door)+" p50", p50)
		c.Line(2*i+1, string(door)+" p99", p99)
	}
	c.Y.Min, c.Y.Max = c.Y.Min/1.5, c.Y.Max*1.5
	c.Add(plotter.NewGrid())
	return c.Save(path)
}

// milliseconds are above zero, for a logarithmic axis.
func milliseconds(d time.Duration) float64 { return max(float64(d.Microseconds()), 1) / 1000 }

// doorsOf are the doors of a report, in their order.
func doorsOf(r *Report) (doors []Door) {
	for _, l := range r.Levels {
		if len(doors) == 0 || doors[len(doors)-1] != l.Door {
			doors = append(doors, l.Door)
		}
	}
	return doors
}
