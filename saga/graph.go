package saga

import (
	"fmt"
	"slices"
)

// written is a step as the file has it, before a hold becomes two.
type written struct {
	StepDefinition
	source  object // what the file says
	form    form
	confirm *StepDefinition // of a hold

	after []int  // the steps that it names, as indices
	above []bool // the steps that come before it, directly or not
}

// graph is the steps of a definition and what comes after what.
type graph struct {
	draft *draft
	ids   []string // "" where a step has no usable one
	steps []written
	wrong bool // what comes after what is not known
}

// add reads the next step. It can only come after steps that are written above it, so the order is
// never a circle.
func (g *graph) add(n *node, i int) {
	after := g.after(n, i)
	above := make([]bool, i)
	for _, before := range after {
		above[before] = true
		for k, also := range g.steps[before].above {
			above[k] = above[k] || also
		}
	}
	v := view{steps: g.ids}
	for k, before := range above {
		if before && g.ids[k] != "" {
			v.before = append(v.before, g.ids[k])
		}
	}
	_, v.item = n.field("each")
	w := g.draft.step(n, i, v)
	w.after, w.above = after, above
	g.steps = append(g.steps, w)
}

// after reads what the step comes after: what it names, else the step written before it.
func (g *graph) after(n *node, i int) []int {
	list, ok := n.field("after")
	if !ok {
		if i == 0 {
			return nil
		}
		return []int{i - 1}
	}
	o := object{draft: g.draft, node: n, what: fmt.Sprintf("step %q: ", g.ids[i])}
	if list.kind != listNode {
		g.wrong = true
		o.refuse(list, fmt.Sprintf("after is a %s, not a list of steps", list.kind), "write after: [a, b], or after: [] to begin with the saga")
		return nil
	}
	var after []int
	for _, item := range list.items {
		switch at := slices.Index(g.ids, item.text); {
		case item.kind != textNode || at < 0:
			g.wrong = true
			o.refuse(item, fmt.Sprintf("after: there is no step %q", item.text), "name steps by their ids")
		case at >= i:
			g.wrong = true
			o.refuse(item, fmt.Sprintf("after: step %q is not written above this one", item.text), "write the steps in an order in which each comes after those it names")
		case !slices.Contains(after, at):
			after = append(after, at)
		}
	}
	return after
}

// understood says whether the kinds can be judged: not while a step is not understood.
func (g *graph) understood() bool {
	for i := range g.steps {
		w := &g.steps[i]
		if _, has := w.source.node.field("kind"); w.form == "" || has && w.Kind == "" {
			return false
		}
	}
	return !g.wrong
}

// arrange makes the definition's steps of those that were written: a hold becomes two, and each step
// stands behind all that it comes after.
func (g *graph) arrange() {
	a := arrangement{graph: g, pivot: g.pivot()}
	for i := range g.steps {
		a.place(i)
	}
	for i := range g.steps {
		a.placeConfirm(i)
	}
	d := g.draft
	d.Steps = a.steps
	for i := range d.Steps {
		s := &d.Steps[i]
		for _, before := range s.after {
			s.After = append(s.After, d.Steps[before].ID)
		}
		s.below = make([]bool, len(d.Steps))
	}
	for i := len(d.Steps) - 1; i >= 0; i-- {
		for _, before := range d.Steps[i].after {
			d.Steps[before].below[i] = true
			for k, also := range d.Steps[i].below {
				d.Steps[before].below[k] = d.Steps[before].below[k] || also
			}
		}
	}
	d.warn()
}

// arrangement puts steps in their order, each once.
type arrangement struct {
	*graph
	pivot    pivotPlace
	steps    []StepDefinition
	at       map[int]int // by index of the written step: the place of it, or of its try
	confirms map[int]int // the same for confirms
}

// place puts a step behind what it comes after.
func (a *arrangement) place(i int) {
	if _, done := a.at[i]; done {
		return
	}
	w := &a.graph.steps[i]
	var after []int
	for _, before := range w.after {
		a.place(before)
		after = append(after, a.at[before])
	}
	if a.pivot.confirm && w.Kind == Retriable { // the confirm is written nowhere else
		a.placeConfirm(a.pivot.index)
		after = append(after, a.confirms[a.pivot.index])
	}
	s := w.StepDefinition
	if w.confirm != nil {
		s.ID += trySuffix
		s.Expiry = a.expiry(i)
	}
	a.put(&a.at, i, s, after)
}

// expiry: a hold is released by itself only where a late confirm can still be refused.
func (a *arrangement) expiry(i int) Expiry {
	switch {
	case a.graph.steps[i].Expires == 0:
		return ""
	case a.pivot.confirm && a.pivot.index == i:
		return ExpiryRelease
	}
	return ExpiryAlert
}

// placeConfirm puts the confirm of a hold behind everything that can still be refused.
func (a *arrangement) placeConfirm(i int) {
	w := &a.graph.steps[i]
	if _, done := a.confirms[i]; done || w.confirm == nil {
		return
	}
	a.place(i)
	after := []int{a.at[i]}
	s := *w.confirm
	s.ID = w.ID + confirmSuffix
	switch {
	case !a.pivot.confirm:
		s.Kind = Retriable
		a.place(a.pivot.index)
		after = append(after, a.at[a.pivot.index])
	case a.pivot.index != i:
		s.Kind = Retriable
		a.placeConfirm(a.pivot.index)
		after = append(after, a.confirms[a.pivot.index])
	default:
		s.Kind = Pivot
		for k := range a.graph.steps {
			if k != i && !a.behind(k, a.pivot) {
				a.place(k)
				after = append(after, a.at[k])
			}
		}
	}
	a.put(&a.confirms, i, s, after)
}

func (a *arrangement) put(places *map[int]int, i int, s StepDefinition, after []int) {
	if *places == nil {
		*places = make(map[int]int)
	}
	slices.Sort(after)
	s.after = slices.Compact(after)
	(*places)[i] = len(a.steps)
	a.steps = append(a.steps, s)
}

// warn notes what is allowed and often a mistake.
func (d *draft) warn() {
	for i := range d.Steps {
		if s := &d.Steps[i]; s.Kind == Compensatable && s.Action == "credit" {
			d.Warnings = append(d.Warnings, fmt.Sprintf("step %q credits money that can be spent before it is undone: then the undo is refused "+
				"and the saga suspended. Make it the pivot, or a hold", s.ID))
		}
	}
}
