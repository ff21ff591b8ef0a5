package torture

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"strings"
)

//go:embed page.html
var pageSource string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"percent": func(share float64) string { return fmt.Sprintf("%.0f %%", 100*share) },
	"seconds": func(s float64) string { return fmt.Sprintf("%.1f s", s) },
}).Parse(pageSource))

// WritePage writes a report as an HTML page that needs nothing else: its charts are drawn in it.
func (r *Report) WritePage(w io.Writer) error {
	return pageTemplate.Execute(w, struct {
		*Report
		Charts []chart
	}{r, []chart{
		r.chart("Transfers a second", "/s",
			line{"asked", "asked", func(s Second) float64 { return float64(s.Asked) }},
			line{"accepted", "accepted", func(s Second) float64 { return float64(s.Accepted) }},
			line{"ended", "ended", func(s Second) float64 { return float64(s.Ended) }}),
		r.chart("Until a transfer is accepted", "ms",
			line{"p50", "accepted", func(s Second) float64 { return s.AcceptP50 }},
			line{"p99", "asked", func(s Second) float64 { return s.AcceptP99 }}),
		r.chart("Until it has ended", "ms",
			line{"p50", "ended", func(s Second) float64 { return s.EndP50 }},
			line{"p99", "asked", func(s Second) float64 { return s.EndP99 }}),
	}})
}

// line is one line of a chart; its class gives it its colour.
type line struct {
	name  string
	class string
	of    func(Second) float64
}

// chart is one picture over the time of a run, in the units of the drawing.
type chart struct {
	Title  string
	Unit   string
	Top    string // the largest value
	Width  int
	Height int
	Lines  []polyline
	Marks  []mark
	Ticks  []tick
}

type polyline struct{ Name, Class, Points string }

// mark is where a fault struck: until all was well, or just where it struck.
type mark struct {
	X, Width float64
	Title    string
}

type tick struct {
	X     float64
	Label string
}

const (
	chartWidth  = 1000
	chartHeight = 180
	mostPoints  = 500
)

func (r *Report) chart(title, unit string, lines ...line) chart {
	c := chart{Title: title, Unit: unit, Width: chartWidth, Height: chartHeight}
	points := condensed(r.Timeline)
	long := math.Max(float64(len(r.Timeline)), 1)
	x := func(second float64) float64 { return math.Round(second/long*chartWidth*10) / 10 }
	top := 1.0
	for _, p := range points {
		for _, l := range lines {
			top = math.Max(top, l.of(p.Second))
		}
	}
	c.Top = fmt.Sprintf("%.0f", top)
	for _, l := range lines {
		var path strings.Builder
		for _, p := range points {
			fmt.Fprintf(&path, "%g,%.1f ", x(p.at), chartHeight*(1-l.of(p.Second)/top))
		}
		c.Lines = append(c.Lines, polyline{l.name, l.class, strings.TrimSpace(path.String())})
	}
	for _, s := range r.Strikes {
		c.Marks = append(c.Marks, mark{X: x(s.At), Width: math.Max(x(s.Took+s.Recovered), 1.5),
			Title: fmt.Sprintf("%.1f s: %s, %s", s.At, s.Fault, s.Detail)})
	}
	for i := range 5 {
		at := long * float64(i) / 4
		c.Ticks = append(c.Ticks, tick{X: x(at), Label: fmt.Sprintf("%.0f s", at)})
	}
	return c
}

// point is a stretch of the run.
type point struct {
	Second
	at float64
}

// condensed makes at most mostPoints of the seconds: means of the numbers, the worst of the latencies.
func condensed(all []Second) []point {
	each := (len(all) + mostPoints - 1) / mostPoints
	var points []point
	for i := 0; i < len(all); i += each {
		p, n := point{at: float64(i) + float64(each)/2}, min(each, len(all)-i)
		for _, s := range all[i : i+n] {
			p.Asked += s.Asked
			p.Accepted += s.Accepted
			p.Ended += s.Ended
			p.AcceptP50, p.AcceptP99 = math.Max(p.AcceptP50, s.AcceptP50), math.Max(p.AcceptP99, s.AcceptP99)
			p.EndP50, p.EndP99 = math.Max(p.EndP50, s.EndP50), math.Max(p.EndP99, s.EndP99)
		}
		p.Asked, p.Accepted, p.Ended = p.Asked/n, p.Accepted/n, p.Ended/n
		points = append(points, p)
	}
	return points
}
