package chart

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

const (
	width  = 18 * vg.Centimeter
	height = 11 * vg.Centimeter
	margin = 3 * vg.Millimeter
)

var sans = font.Font{Typeface: "Liberation", Variant: "Sans"}

// Chart is one picture. Its axes begin at 0.
type Chart struct {
	*plot.Plot
	Height vg.Length
}

// New makes a chart with a title and nothing on it.
func New(title string) *Chart {
	p := plot.New()
	p.Title.Text = title
	for _, style := range []*text.Style{&p.Title.TextStyle, &p.X.Label.TextStyle, &p.Y.Label.TextStyle,
		&p.X.Tick.Label, &p.Y.Tick.Label, &p.Legend.TextStyle} {
		style.Font = font.From(sans, style.Font.Size)
	}
	p.Title.Padding = 2 * vg.Millimeter
	p.X.Min, p.Y.Min = 0, 0
	return &Chart{Plot: p, Height: height}
}

// Formats are the endings that [Chart.Save] knows, with their points.
var Formats = []string{".svg", ".png"}

// CheckName refuses the name of a file whose ending is none of [Formats].
func CheckName(path string) error {
	if ext := filepath.Ext(path); !slices.Contains(Formats, ext) {
		return fmt.Errorf("a picture ends in %s, and not in %q", strings.Join(Formats, " or "), ext)
	}
	return nil
}

// Save writes the picture to a file, with a margin. The ending of its name is the format.
func (c *Chart) Save(path string) error {
	if err := CheckName(path); err != nil {
		return err
	}
	canvas, err := draw.NewFormattedCanvas(width, c.Height, filepath.Ext(path)[1:])
	if err != nil {
		return err
	}
	c.Draw(draw.Crop(draw.New(canvas), margin, -2*margin, margin, -margin))
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = canvas.WriteTo(f)
	return errors.Join(err, f.Close())
}

// Line adds the nth line, with its points from left to right, and names it in the legend. No points, no line.
func (c *Chart) Line(n int, name string, points plotter.XYs) {
	points = slices.Clone(points)
	slices.SortFunc(points, func(a, b plotter.XY) int { return cmp.Compare(a.X, b.X) })
	line, dots, err := plotter.NewLinePoints(points)
	if err != nil {
		return // there are none
	}
	line.Color, dots.Color, dots.Shape = plotutil.Color(n), plotutil.Color(n), plotutil.Shape(n)
	line.Width = vg.Points(1.5)
	c.Add(line, dots)
	c.Legend.Add(name, line, dots)
}

// Text adds a text that begins at a point.
func (c *Chart) Text(x, y float64, what string) {
	l, _ := plotter.NewLabels(plotter.XYLabels{XYs: plotter.XYs{{X: x, Y: y}}, Labels: []string{what}}) // as many of both
	l.TextStyle[0].Font = font.From(sans, 9)
	l.TextStyle[0].YAlign = draw.YCenter
	c.Add(l)
}

// TicksAt are ticks at these values only.
func TicksAt(values []float64) plot.Ticker {
	ticks := make(plot.ConstantTicks, len(values))
	for i, v := range values {
		ticks[i] = plot.Tick{Value: v, Label: Short(v)}
	}
	return ticks
}

// The usual ticks, and those of a logarithmic axis; both written 10k, and none beyond the axis, for which the
// picture would keep room.
var (
	Thousands = plot.TickerFunc(func(from, to float64) []plot.Tick { return shortened(plot.DefaultTicks{}, from, to) })
	Decades   = plot.TickerFunc(func(from, to float64) []plot.Tick { return shortened(plot.LogTicks{}, from, to) })
)

func shortened(by plot.Ticker, from, to float64) []plot.Tick {
	ticks := slices.DeleteFunc(by.Ticks(from, to), func(t plot.Tick) bool { return t.Value < from || t.Value > to })
	for i := range ticks {
		if ticks[i].Label != "" {
			ticks[i].Label = Short(ticks[i].Value)
		}
	}
	return ticks
}

// Short writes a number in three digits: 10k.
func Short(v float64) string {
	if v >= 1000 {
		return strconv.FormatFloat(v/1000, 'g', 3, 64) + "k"
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}
