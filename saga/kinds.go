package saga

import "fmt"

// pivotPlace is where the pivot stands among the written steps: a step, or the confirm of a hold.
type pivotPlace struct {
	index   int // -1: there is none
	confirm bool
}

// pivot finds the pivot. A step that has neither a kind nor an undo is the pivot where that is valid:
// if no other is, and every step after it is retriable or read. If there is none, the confirm of the
// last hold is.
func (g *graph) pivot() pivotPlace {
	for i := range g.steps {
		w := &g.steps[i]
		if w.confirm != nil && w.confirm.Kind == Pivot || w.confirm == nil && w.Kind == Pivot {
			return pivotPlace{i, w.confirm != nil}
		}
	}
	last := len(g.steps) - 1
	for last >= 0 && (g.steps[last].Kind == Retriable || g.steps[last].Kind == Read) {
		last--
	}
	if last >= 0 && g.steps[last].Kind == "" && g.steps[last].Undo == nil {
		return pivotPlace{last, false}
	}
	for i := len(g.steps) - 1; i >= 0; i-- {
		if c := g.steps[i].confirm; c != nil && c.Kind == "" {
			return pivotPlace{i, true}
		}
	}
	return pivotPlace{-1, false}
}

// behind says whether a step comes after the pivot. The confirm of a hold is written nowhere: behind
// it is what is retriable, and what comes after that.
func (g *graph) behind(i int, p pivotPlace) bool {
	switch {
	case p.index < 0:
		return false
	case !p.confirm:
		return p.index < i && g.steps[i].above[p.index]
	}
	if g.steps[i].Kind == Retriable {
		return true
	}
	for k, above := range g.steps[i].above {
		if above && g.steps[k].Kind == Retriable {
			return true
		}
	}
	return false
}

// before says whether the pivot comes after a step.
func (g *graph) before(i int, p pivotPlace) bool {
	switch {
	case p.index < 0:
		return true
	case !p.confirm:
		return i < p.index && g.steps[p.index].above[i]
	}
	return !g.behind(i, p)
}

// kinds gives each step its kind and checks that the order of the kinds can keep the promise:
// before the pivot everything can be undone, after it nothing can be refused.
func (g *graph) kinds() {
	p := g.pivot()
	for i := range g.steps {
		w := &g.steps[i]
		switch {
		case w.Kind != "":
		case w.Undo != nil:
			w.Kind = Compensatable
		case p == pivotPlace{i, false}:
			w.Kind = Pivot
		}
	}
	for i := range g.steps {
		k := kindRules{graph: g, written: &g.steps[i], index: i, pivot: p}
		if k.Kind == "" {
			k.undecided()
			continue
		}
		k.checkForm()
		k.checkPlace()
	}
}

// kindRules checks the kind of one step among the others.
type kindRules struct {
	*graph
	*written
	index int
	pivot pivotPlace
}

func (k kindRules) pivotID() string {
	if k.pivot.confirm {
		return k.graph.steps[k.pivot.index].ID + confirmSuffix
	}
	return k.graph.steps[k.pivot.index].ID
}

// undecided refuses a step that has no kind, no undo and cannot be the pivot.
func (k kindRules) undecided() {
	undoOrRead, retriableOrRead := "give it an undo, or kind: read if it has no effect", "write kind: retriable (it is repeated until it succeeds), or kind: read if it has no effect"
	if k.Run != nil {
		retriableOrRead = "write kind: retriable (it is repeated until it succeeds)"
		undoOrRead = "write kind: compensatable, if the saga that it runs has no pivot"
	}
	switch {
	case k.behind(k.index, k.pivot):
		k.source.refuse(k.source.node, fmt.Sprintf("it comes after the pivot %q, so it cannot be refused or undone", k.pivotID()), retriableOrRead)
	case k.pivot.index >= 0:
		k.source.refuse(k.source.node, fmt.Sprintf("it has no undo, but can be refused later by the pivot %q, and would stand", k.pivotID()), undoOrRead)
	default:
		k.source.refuse(k.source.node, fmt.Sprintf("it has no undo, and cannot be the pivot: step %q after it can still be refused", k.refusableAfter()),
			undoOrRead+"; or move it to the end, as the pivot")
	}
}

// refusableAfter finds the last step behind this one that can be refused.
func (k kindRules) refusableAfter() string {
	for i := len(k.graph.steps) - 1; i > k.index; i-- {
		if kind := k.graph.steps[i].Kind; kind != Retriable && kind != Read {
			return k.graph.steps[i].ID
		}
	}
	return ""
}

// checkForm checks that the step is written as its kind needs it.
func (k kindRules) checkForm() {
	undo, has := k.source.node.field("undo")
	kind, _ := k.source.node.field("kind")
	switch {
	case k.Run != nil && k.Kind == Read:
		k.source.refuse(kind, "it runs a saga, so it is not a read", "write kind: pivot, retriable or compensatable")
	case k.Kind == Compensatable && k.form == formAction && k.Undo == nil:
		k.source.refuse(k.source.node, "it is compensatable, but there is no undo", "add undo: and the action that undoes it")
	case k.Kind != Compensatable && k.form == formAction && has:
		k.source.refuse(undo, fmt.Sprintf("it is %s, so it is never undone", withArticle(k.Kind)), "leave out the undo, or write kind: compensatable")
	case k.Kind == Pivot && k.each != nil:
		k.source.refuse(k.source.node, "it is the pivot, and runs over a list: there is one point of no return", "make it compensatable, or retriable behind a pivot")
	}
}

// checkPlace checks the step's place relative to the pivot.
func (k kindRules) checkPlace() {
	pivot := k.Kind == Pivot || k.confirm != nil && k.confirm.Kind == Pivot
	behind, before := k.behind(k.index, k.pivot), k.before(k.index, k.pivot)
	switch {
	case pivot && k.index != k.pivot.index:
		k.source.refuse(k.source.node, fmt.Sprintf("it is a second pivot beside %q: once one stands, the other could not be undone", k.pivotID()),
			"give one of them an undo and make it compensatable, or make the later one retriable")
	case k.Kind == Pivot:
	case k.confirm != nil && k.confirm.Kind == Retriable && k.pivot.index < 0:
		k.source.refuse(k.source.node, "its confirm is retriable, but there is no pivot that it could come after",
			"leave out the kind: then its confirm is the pivot")
	case k.Kind == Retriable && k.pivot.index < 0:
		k.source.refuse(k.source.node, "it is retriable, but no pivot comes before it: a step before it could still be refused, and it would stand",
			"write kind: pivot at the last step that can be refused and has no undo")
	case k.Kind == Retriable && before:
		k.source.refuse(k.source.node, fmt.Sprintf("it is retriable, but comes before the pivot %q: if that is refused, it would stand", k.pivotID()),
			"move it after the pivot, or give it an undo and make it compensatable")
	case k.Kind == Retriable && !behind:
		k.source.refuse(k.source.node, fmt.Sprintf("it is retriable, but does not wait for the pivot %q: if that is refused, it would stand", k.pivotID()),
			fmt.Sprintf("add %s to its after", k.pivotID()))
	case k.Kind == Compensatable && behind:
		k.source.refuse(k.source.node, fmt.Sprintf("it can be refused, but comes after the pivot %q, which cannot be undone", k.pivotID()),
			"move it before the pivot, or write kind: retriable and no undo")
	case k.rejects() && behind:
		k.source.refuse(k.source.node, fmt.Sprintf("it can reject, but comes after the pivot %q, which cannot be undone", k.pivotID()),
			"write on_timeout: continue and no reject, or move it before the pivot")
	case k.refusable() && !behind && !before:
		k.source.refuse(k.source.node, fmt.Sprintf("it can be refused, but the pivot %q does not wait for it: the saga could be past the pivot by then", k.pivotID()),
			k.waitedFor())
	}
}

// waitedFor says how the pivot can wait for the step.
func (k kindRules) waitedFor() string {
	if k.index > k.pivot.index {
		return fmt.Sprintf("write it above %s, and add %s to the after of that", k.pivotID(), k.ID)
	}
	return fmt.Sprintf("add %s to the after of %s", k.ID, k.pivotID())
}

// rejects says whether an await can turn the saga back.
func (k kindRules) rejects() bool {
	return k.Await != nil && (k.Await.reject != nil || k.Await.Timeout > 0 && !k.Await.Continue)
}

// refusable says whether the step can turn the saga back.
func (k kindRules) refusable() bool {
	return k.Kind == Compensatable || k.rejects() || k.Kind == Read && k.Await == nil && !k.Sleep
}

func withArticle(k Kind) string {
	if k == Retriable {
		return "retriable"
	}
	return "a " + string(k)
}
