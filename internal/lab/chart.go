package lab

import (
	"cmp"
	"fmt"
	"image/color"
	"os"
	"path/filepath"
	"slices"

	"github.com/girohq/giro/internal/chart"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
)

const barHeight = 0.55 * vg.Centimeter

var (
	right = color.RGBA{R: 0x2b, G: 0x7a, B: 0x4b, A: 0xff} // a cure without anomalies
	wrong = color.RGBA{R: 0xb3, G: 0x3a, B: 0x3a, A: 0xff} // whatever has some
)

// WriteCharts draws a report into dir, each chart as SVG and as PNG, and returns their names without
// the endings. Of single loads it draws the techniques of each experiment as bars; of a sweep, lines
// of throughput and of latency over contention.
func WriteCharts(dir string, r *Report) ([]string, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, err
	}
	drawn := bars(r)
	if r.Swept {
		drawn = lines(r)
	}
	names := make([]string, len(drawn))
	for i, c := range drawn {
		names[i] = c.name
		for _, format := range chart.Formats {
			if err := c.Save(filepath.Join(dir, c.name+format)); err != nil {
				return nil, fmt.Errorf("chart %s: %w", c.name, err)
			}
		}
	}
	return names, nil
}

// drawing is a chart with the name of its files.
type drawing struct {
	*chart.Chart
	name string
}

func newDrawing(name, title string) drawing { return drawing{chart.New(title), name} }

// bars are the techniques of each experiment: throughput as length, anomalies as colour and text.
func bars(r *Report) []drawing {
	var all []drawing
	for _, group := range groups(r.Results, func(r Result) string { return r.Experiment }) {
		first := group[0]
		c := newDrawing(first.Experiment, fmt.Sprintf("%s: workers %d, keys %d", first.Experiment, first.Workers, first.Keys))
		c.Height = vg.Length(len(group))*barHeight + 3*vg.Centimeter
		c.X.Label.Text = "operations a second; red: has anomalies"
		names := make([]string, len(group))
		longest := 0.0
		for i, one := range group {
			at := len(group) - 1 - i // the first one on top
			names[at] = one.Technique + ", " + string(one.On)
			longest = max(longest, one.PerSecond)
			bar, _ := plotter.NewBarChart(plotter.Values{one.PerSecond}, barHeight*0.7) // the width is positive
			bar.Horizontal, bar.XMin, bar.Color, bar.LineStyle.Width = true, float64(at), right, 0
			if one.Anomalies > 0 {
				bar.Color = wrong
			}
			c.Add(bar)
			c.Text(one.PerSecond, float64(at), said(one))
		}
		c.NominalY(names...)
		c.X.Max = longest * 1.35 // room for the text
		c.X.Tick.Marker = chart.Thousands
		all = append(all, c)
	}
	return all
}

func said(r Result) string {
	if r.Anomalies == 0 {
		return fmt.Sprintf(" %.0f/s", r.PerSecond)
	}
	return fmt.Sprintf(" %.0f/s, %d anomalies", r.PerSecond, r.Anomalies)
}

// lines are, for each database, throughput and the slowest hundredth over the number of keys with most
// workers, and over the number of workers with fewest and with most keys.
func lines(r *Report) []drawing {
	var all []drawing
	for _, group := range groups(r.Results, func(r Result) string { return string(r.On) }) {
		on := group[0].On
		hot := slices.MinFunc(group, func(a, b Result) int { return cmp.Compare(a.Keys, b.Keys) }).Keys
		cold := slices.MaxFunc(group, func(a, b Result) int { return cmp.Compare(a.Keys, b.Keys) }).Keys
		most := slices.MaxFunc(group, func(a, b Result) int { return cmp.Compare(a.Workers, b.Workers) }).Workers
		for _, y := range []axis{throughput, slowest} {
			all = append(all,
				y.over(keysAxis, fmt.Sprintf("%s-by-accounts", on), fmt.Sprintf("%s, %d workers", on, most), keep(group, func(r Result) bool { return r.Workers == most })),
				y.over(workersAxis, fmt.Sprintf("%s-by-workers-hot", on), fmt.Sprintf("%s, accounts: %d", on, hot), keep(group, func(r Result) bool { return r.Keys == hot })),
				y.over(workersAxis, fmt.Sprintf("%s-by-workers-cold", on), fmt.Sprintf("%s, accounts: %d", on, cold), keep(group, func(r Result) bool { return r.Keys == cold })))
		}
	}
	return all
}

// axis is a figure of a result.
type axis struct {
	name, label string
	of          func(Result) float64
}

var (
	throughput  = axis{"throughput", "operations a second", func(r Result) float64 { return r.PerSecond }}
	slowest     = axis{"p99", "p99 in milliseconds", func(r Result) float64 { return float64(r.P99.Microseconds()) / 1000 }}
	keysAxis    = axis{"", "accounts", func(r Result) float64 { return float64(r.Keys) }}
	workersAxis = axis{"", "workers", func(r Result) float64 { return float64(r.Workers) }}
)

// over draws y over x, both logarithmic, with a line for each technique.
func (y axis) over(x axis, name, title string, results []Result) drawing {
	c := newDrawing(y.name+"-"+name, y.label+": "+title)
	c.X.Label.Text, c.Y.Label.Text = x.label, y.label
	c.X.Scale, c.Y.Scale = plot.LogScale{}, plot.LogScale{}
	c.Y.Tick.Marker = chart.Decades
	c.Legend.Top, c.Legend.Left = true, false
	values := []float64{}
	least := 0.0
	for i, group := range groups(results, func(r Result) string { return r.Technique }) {
		points := make(plotter.XYs, len(group))
		for n, one := range group {
			points[n] = plotter.XY{X: x.of(one), Y: max(y.of(one), 0.001)}
			values = append(values, points[n].X)
			if least == 0 || points[n].Y < least {
				least = points[n].Y
			}
		}
		c.Line(i, group[0].Technique, points)
	}
	slices.Sort(values)
	c.X.Min, c.Y.Min = max(values[0], 1), least/1.5
	c.X.Max = values[len(values)-1] * 6 // room for the legend
	c.X.Tick.Marker = chart.TicksAt(slices.Compact(values))
	c.Add(plotter.NewGrid())
	return c
}

// groups splits results by a name, in the order of their first ones.
func groups(results []Result, by func(Result) string) [][]Result {
	var all [][]Result
	at := map[string]int{}
	for _, r := range results {
		i, seen := at[by(r)]
		if !seen {
			i = len(all)
			at[by(r)] = i
			all = append(all, nil)
		}
		all[i] = append(all[i], r)
	}
	return all
}

func keep(results []Result, wanted func(Result) bool) []Result {
	return slices.DeleteFunc(slices.Clone(results), func(r Result) bool { return !wanted(r) })
}
