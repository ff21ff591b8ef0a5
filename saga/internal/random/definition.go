package random

import (
	"fmt"
	"strings"
)

// MaxSteps of a definition, as it is written.
const MaxSteps = 8

// Draw returns a number from 0 up to, and without, n.
type Draw func(n int) int

// Sagas are those that a definition may run as its children.
type Sagas struct {
	Whole []string // without a pivot: as a compensatable step
	Any   []string // as a pivot or a retriable step
}

// Definition draws a valid definition. Its participants are A, B and C, which do "do" and "undo",
// "try", "confirm" and "cancel", and "look". Its input is that of [Input].
func Definition(name string, draw Draw, children Sagas) string {
	w := writer{draw: draw, children: children}
	w.write(name)
	return w.text.String()
}

// Whole draws a definition without a pivot: it can be undone as a whole.
func Whole(name string, draw Draw, children Sagas) string {
	w := writer{draw: draw, children: children, whole: true}
	w.write(name)
	return w.text.String()
}

// Input draws an input: whether steps run, and the lists that they run over.
func Input(draw Draw) string {
	var b strings.Builder
	for i := range MaxSteps {
		fmt.Fprintf(&b, `,"w%d":%t,"l%d":[`, i, draw(4) > 0, i)
		for n := range draw(4) {
			fmt.Fprintf(&b, `%.*s{"n":%d,"on":%t}`, min(n, 1), ",", n, draw(4) > 0)
		}
		b.WriteString("]")
	}
	return "{" + b.String()[1:] + "}"
}

// writer writes one definition.
type writer struct {
	draw     Draw
	children Sagas
	whole    bool
	text     strings.Builder

	n       int // steps
	pivot   int // the pivot, n if there is none, -1 if it is the confirm of a hold
	behind  []int
	results []int // steps with a result, which those that come after may use
	above   [MaxSteps]map[int]bool
}

func (w *writer) chance(percent int) bool { return w.draw(100) < percent }

func (w *writer) write(name string) {
	w.n = 1 + w.draw(MaxSteps)
	w.pivot = w.draw(w.n + 1)
	if !w.whole && w.chance(20) {
		w.pivot = -1
	}
	if w.whole {
		w.pivot = w.n
	}
	fmt.Fprintf(&w.text, "saga: %s\n", name)
	if w.chance(30) {
		w.text.WriteString("deadline: 5m\n")
	}
	w.text.WriteString("steps:\n")
	first := w.n - 1
	if w.pivot < 0 { // a hold, and what is retriable stands behind its confirm
		first = w.draw(w.n)
	}
	for i := range w.n {
		fmt.Fprintf(&w.text, "  - {id: s%d", i)
		switch {
		case w.pivot < 0 && i > first, w.pivot >= 0 && i > w.pivot:
			w.after(i, true)
			w.stepBehind(i)
		case i == w.pivot:
			w.after(i, false)
			w.pivotStep(i)
		case w.pivot < 0 && i == first:
			w.after(i, false)
			w.hold(i, "pivot")
		default:
			w.after(i, false)
			w.stepBefore(i)
		}
		w.text.WriteString("}\n")
	}
	if w.chance(30) {
		w.text.WriteString("output: {done: \"${saga.id}\"}\n")
	}
}

// after says what the step comes after: the pivot after everything, and what is behind it after
// the pivot or something else behind it.
func (w *writer) after(i int, behind bool) {
	var after []string
	w.above[i] = map[int]bool{}
	add := func(k int) {
		after = append(after, fmt.Sprintf("s%d", k))
		w.above[i][k] = true
		for also := range w.above[k] {
			w.above[i][also] = true
		}
	}
	switch {
	case i == w.pivot:
		for k := range i {
			add(k)
		}
	case behind && w.pivot >= 0:
		add(w.anchor())
		w.behind = append(w.behind, i)
	case behind && len(w.behind) > 0 && w.chance(60):
		add(w.anchor())
	}
	if i != w.pivot {
		for k := range i {
			if !w.above[i][k] && w.chance(30) {
				add(k)
			}
		}
	}
	fmt.Fprintf(&w.text, ", after: [%s]", strings.Join(after, ", "))
}

// anchor is the pivot, or a step behind it.
func (w *writer) anchor() int {
	if n := w.draw(len(w.behind) + 1); n < len(w.behind) {
		return w.behind[n]
	}
	return max(w.pivot, 0)
}

func (w *writer) stepBefore(i int) {
	switch w.draw(10) {
	case 0:
		w.look(i)
	case 1:
		w.await(i, true)
	case 2:
		w.sleep(i)
	case 3:
		if w.whole { // its confirm would be a pivot
			w.act(i, "undo: {action: undo, timeout: 4s, retry: {attempts: 2, backoff: 1s}}")
			return
		}
		if w.pivot >= w.n { // it has no other pivot
			w.look(i)
			return
		}
		w.hold(i, "")
	case 4, 5:
		if len(w.children.Whole) == 0 {
			w.act(i, "undo: undo")
			return
		}
		w.child(i, "compensatable", w.children.Whole)
	default:
		w.act(i, "undo: undo")
	}
}

func (w *writer) pivotStep(i int) {
	if w.chance(20) && len(w.children.Any) > 0 {
		w.child(i, "pivot", w.children.Any)
		return
	}
	w.command(i, "kind: pivot, action: do", false)
}

func (w *writer) stepBehind(i int) {
	switch n := w.draw(10); {
	case w.pivot < 0 && len(w.behind) == 0: // only what is retriable is known to be behind it
		w.behind = append(w.behind, i)
		w.act(i, "kind: retriable")
	case n == 0 && w.pivot >= 0:
		w.look(i)
	case n == 1:
		w.await(i, false)
	case n == 2:
		w.sleep(i)
	case n < 5 && len(w.children.Any) > 0:
		w.behindHold(i)
		w.child(i, "retriable", w.children.Any)
	default:
		w.behindHold(i)
		w.act(i, "kind: retriable")
	}
}

func (w *writer) behindHold(i int) {
	if w.pivot < 0 {
		w.behind = append(w.behind, i)
	}
}

func (w *writer) look(i int) { w.command(i, "kind: read, action: look", true) }

func (w *writer) act(i int, kind string) { w.command(i, kind+", action: do", true) }

// command writes a step that sends one.
func (w *writer) command(i int, kind string, many bool) {
	fmt.Fprintf(&w.text, ", %s, participant: %c, timeout: 5s, retry: {attempts: %d, backoff: 1s, not: [closed]}", kind, 'A'+rune(w.draw(3)), 1+w.draw(3))
	each := many && w.chance(25)
	if each {
		fmt.Fprintf(&w.text, `, each: "${input.l%d}", parallel: %d`, i, 1+w.draw(3))
	}
	w.when(i, each)
	w.args(i, each)
	w.results = append(w.results, i)
}

func (w *writer) when(i int, each bool) {
	switch {
	case each && w.chance(30):
		w.text.WriteString(`, when: "${item.on}"`)
	case w.chance(25):
		fmt.Fprintf(&w.text, `, when: "${input.w%d}"`, i)
	}
}

// args of a command name what came before. Now and then they have no value.
func (w *writer) args(i int, each bool) {
	args := `id: "${saga.id}"`
	for _, k := range w.results {
		if w.above[i][k] && w.chance(50) {
			args += fmt.Sprintf(`, r%d: "${results.s%d}"`, k, k)
		}
	}
	if each {
		args += `, n: "${item.n}"`
	}
	if w.chance(3) {
		args += `, x: "${input.nothing}"`
	}
	fmt.Fprintf(&w.text, ", args: {%s}", args)
}

func (w *writer) hold(i int, kind string) {
	if kind != "" {
		kind = "kind: " + kind + ", "
	}
	fmt.Fprintf(&w.text, ", %sparticipant: %c, try: try, confirm: confirm, cancel: cancel, timeout: 5s, retry: {attempts: 2, backoff: 1s}", kind, 'A'+rune(w.draw(3)))
	if w.chance(40) {
		w.text.WriteString(", expires: 10m")
	}
	w.when(i, false)
	w.args(i, false)
	w.results = append(w.results, i)
}

func (w *writer) await(i int, mayReject bool) {
	fmt.Fprintf(&w.text, ", await: {signal: go%d", i)
	switch n := w.draw(4); {
	case n == 0:
	case n == 1 && mayReject:
		w.text.WriteString(", timeout: 2m, on_timeout: reject")
	case n == 2 && mayReject:
		fmt.Fprintf(&w.text, ", reject: no%d", i)
	default:
		w.text.WriteString(", timeout: 2m, on_timeout: continue")
	}
	w.text.WriteString("}")
	w.when(i, false)
	w.results = append(w.results, i)
}

func (w *writer) sleep(i int) {
	length := []string{"1s", "3m", "${input.w0 ? '1s' : '1m'}"}[w.draw(3)]
	if w.chance(3) {
		length = "${input.nothing}"
	}
	fmt.Fprintf(&w.text, `, sleep: "%s"`, length)
	w.when(i, false)
}

func (w *writer) child(i int, kind string, sagas []string) {
	name := sagas[w.draw(len(sagas))]
	if w.chance(3) {
		name = "nothing"
	}
	fmt.Fprintf(&w.text, `, kind: %s, run: {saga: %s, input: "${input}"}`, kind, name)
	each := kind != "pivot" && w.chance(20)
	if each {
		fmt.Fprintf(&w.text, `, each: "${input.l%d}", parallel: %d`, i, 1+w.draw(2))
	}
	w.when(i, each)
	w.results = append(w.results, i)
}
