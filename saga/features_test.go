package saga

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"
)

// features are definitions of one feature each, and the situations that a saga of it can be in, each by the
// events that lead there and the step that the events of the table are then about.
var features = []struct {
	name, steps, input string
	situations         [][3]string // name, step, path
}{
	{"branches", `
  - {id: a, participant: a, action: do, undo: undo, RETRY}
  - {id: b, after: [], participant: b, action: do, undo: undo, RETRY}
  - {id: pay, after: [a, b], participant: c, action: do, RETRY}
  - {id: t, kind: retriable, after: [pay], participant: t, action: do, RETRY}
  - {id: u, kind: retriable, after: [pay], participant: u, action: do, RETRY}`, `{}`, [][3]string{
		{"both out", "a", "start"},
		{"one done, the other out", "b", "start; a forward succeeded"},
		{"one refused, the other unknown and being undone", "b", "start; a forward rejected"},
		{"both being undone", "a", "start; a forward succeeded; b forward succeeded; pay forward rejected"},
		{"the undo of both exhausted", "a", "start; a forward succeeded; b forward succeeded; pay forward rejected; a backward conflict; b backward conflict"},
		{"two steps failed", "t", "start; a forward succeeded; b forward succeeded; pay forward succeeded; t forward conflict; u forward conflict"},
		{"two steps failed, one taken up again", "u", "start; a forward succeeded; b forward succeeded; pay forward succeeded; t forward conflict; u forward conflict; t retry"},
		{"one failed, the other out", "u", "start; a forward succeeded; b forward succeeded; pay forward succeeded; t forward conflict"},
	}},
	{"diamond", `
  - {id: a, participant: a, action: do, undo: undo, RETRY}
  - {id: b, after: [a], participant: b, action: do, undo: undo, RETRY}
  - {id: c, after: [a], participant: c, action: do, undo: undo, RETRY}
  - {id: pay, after: [b, c], participant: c, action: do, RETRY}`, `{}`, [][3]string{
		{"both arms being undone", "b", "start; a forward succeeded; b forward succeeded; c forward succeeded; pay forward rejected"},
		{"one arm undone", "c", "start; a forward succeeded; b forward succeeded; c forward succeeded; pay forward rejected; b backward succeeded"},
	}},
	{"when", `
  - {id: a, when: "${input.a}", participant: a, action: do, undo: undo, RETRY}
  - {id: pay, when: "${input.pay}", participant: c, action: do, RETRY}
  - {id: t, kind: retriable, participant: t, action: do, args: {a: "${results.a}"}, RETRY}`, `{"a":true,"pay":false}`, [][3]string{
		{"before a pivot that is left out", "a", "start"},
		{"behind a pivot that was left out", "t", "start; a forward succeeded"},
	}},
	{"each", `
  - {id: a, each: "${input.list}", parallel: 2, participant: a, action: do, undo: undo, when: "${item > 0}", RETRY}
  - {id: pay, participant: c, action: do, args: {a: "${results.a}"}, RETRY}`, `{"list":[1,2,0,3]}`, [][3]string{
		{"partly out", "a.0", "start"},
		{"the last out", "a.3", "start; a.0 forward succeeded; a.1 forward succeeded"},
		{"partly failed", "a.3", "start; a.0 forward succeeded; a.1 forward rejected"},
	}},
	{"each of nothing", `
  - {id: a, each: "${input.list}", participant: a, action: do, undo: undo, RETRY}
  - {id: pay, participant: c, action: do, args: {a: "${results.a}"}, RETRY}`, `{"list":[]}`, [][3]string{
		{"not started", "pay", ""},
		{"past the empty list", "pay", "start"},
	}},
	{"a hold that is the pivot", `
  - {id: h, participant: h, try: try, confirm: confirm, cancel: cancel, expires: 5m, RETRY}
  - {id: a, participant: a, action: do, undo: undo, RETRY}`, `{}`, [][3]string{
		{"try out", "h.try", "start"},
		{"confirm out", "h.confirm", "start; h.try forward succeeded; a forward succeeded"},
		{"cancel out", "h.try", "start; h.try forward succeeded; a forward rejected"},
		{"confirm out, skip asked", "h.confirm", "start; h.try forward succeeded; a forward succeeded; h.confirm skip"},
	}},
	{"a hold behind the pivot", `
  - {id: h, participant: h, try: try, confirm: confirm, cancel: cancel, RETRY}
  - {id: pay, participant: c, action: do, RETRY}`, `{}`, [][3]string{
		{"pivot out", "pay", "start; h.try forward succeeded"},
		{"confirm out", "h.confirm", "start; h.try forward succeeded; pay forward succeeded"},
		{"try skipped", "h.try", "start; h.try skip"},
	}},
	{"sleep and a late start", `
  - {id: nap, sleep: 2m}
  - {id: pay, participant: c, action: do, RETRY}`, `{}`, [][3]string{
		{"not begun yet", "nap", "start later"},
		{"asleep", "nap", "start"},
	}},
	{"what cannot be said beside the pivot", `
  - {id: pay, kind: pivot, participant: c, action: do, RETRY}
  - {id: nap, after: [], sleep: "${input.nap}"}`, `{"nap":"never"}`, [][3]string{
		{"not started", "nap", ""},
		{"pivot out", "pay", "start"},
	}},
	{"await", `
  - {id: ask, await: {signal: "go-${input.n}", reject: no, timeout: 2m}}
  - {id: pay, participant: c, action: do, args: {by: "${results.ask}"}, RETRY}`, `{"n":1}`, [][3]string{
		{"waiting", "ask", "start"},
		{"signalled", "ask", "start; signal go-1"},
		{"not begun yet, signalled early", "ask", "start later; signal go-1"},
		{"not begun yet, rejected early", "ask", "start later; signal no"},
	}},
	{"await that goes on", `
  - {id: ask, await: {signal: go-1, timeout: 2m, on_timeout: continue}}
  - {id: pay, participant: c, action: do, args: {by: "${results.ask}"}, RETRY}`, `{}`, [][3]string{
		{"waiting", "ask", "start"},
	}},
	{"a child that is the pivot", `
  - {id: a, participant: a, action: do, undo: undo, RETRY}
  - {id: deal, kind: pivot, run: {saga: deal}}`, `{}`, [][3]string{
		{"child out", "deal", "start; a forward succeeded"},
		{"child out, cancel remembered", "deal", "start; a forward succeeded; cancel"},
		{"child abandoned", "deal", "start; a forward succeeded; deal child abandoned"},
	}},
	{"a child behind the pivot", `
  - {id: pay, kind: pivot, participant: c, action: do, RETRY}
  - {id: deal, kind: retriable, run: {saga: deal}}`, `{}`, [][3]string{
		{"child out", "deal", "start; pay forward succeeded"},
		{"child compensated", "deal", "start; pay forward succeeded; deal child compensated"},
		{"child abandoned", "deal", "start; pay forward succeeded; deal child abandoned"},
	}},
	{"a child that can be undone", `
  - {id: deal, kind: compensatable, run: {saga: whole}}
  - {id: pay, participant: c, action: do, RETRY}`, `{}`, [][3]string{
		{"child out", "deal", "start"},
		{"child stands", "pay", "start; deal child stands"},
		{"child being undone", "deal", "start; deal child stands; pay forward rejected"},
		{"child abandoned", "deal", "start; deal child abandoned"},
		{"child abandoned, then turned back", "deal", "start; deal child abandoned; cancel"},
		{"child out, saga being abandoned", "deal", "start; abandon"},
	}},
	{"a saga that is a child", `
  - {id: a, participant: a, action: do, undo: undo, RETRY}`, `{}`, [][3]string{
		{"out", "a", "start as child"},
		{"stands", "a", "start as child; a forward succeeded"},
		{"told to undo itself", "a", "start as child; a forward succeeded; cancel by parent"},
		{"completed", "a", "start as child; a forward succeeded; settled"},
	}},
	{"wishes", `
  - {id: a, participant: a, action: do, undo: undo, RETRY}
  - {id: pay, participant: c, action: do, RETRY}
  - {id: t, kind: retriable, participant: t, action: do, RETRY}`, `{}`, [][3]string{
		{"compensatable out, skip asked", "a", "start; a skip"},
		{"compensatable out, resolve asked", "a", "start; a resolve"},
		{"compensatable resolved by hand", "pay", "start; a resolve; a inquire fenced"},
		{"pivot pending", "pay", "start"},
		{"pivot out, skip asked", "pay", "start; a forward succeeded; pay skip"},
		{"retriable refused", "t", "start; a forward succeeded; pay forward succeeded; t forward rejected"},
		{"undo out, resolve asked", "a", "start; a forward succeeded; pay forward rejected; a resolve"},
		{"being abandoned, forward out", "a", "start; abandon"},
		{"being abandoned, undo out", "a", "start; a forward succeeded; pay forward rejected; abandon"},
		{"being abandoned, in conflict", "a", "start; abandon; a inquire conflict"},
		{"abandoned", "a", "start; abandon force"},
	}},
}

// featureCells are the events that meet every such situation.
var featureCells = []string{
	"forward succeeded", "forward rejected", "forward fenced", "forward conflict", "inquire succeeded", "inquire fenced", "inquire conflict",
	"backward succeeded", "backward fenced", "backward conflict", "close succeeded", "close conflict", "timeout",
	"woke", "deadline", "postponed", "signal go-1", "signal go-1 other", "signal no", "signal unknown",
	"child stands", "child completed", "child compensated", "child abandoned", "child stranger", "settled",
	"cancel", "cancel by parent", "resume", "retry", "skip", "skip force", "resolve", "resolve force", "abandon", "abandon force", "abandon by parent",
}

// TestFeatures prints the cells of the state machine that branches, conditions, lists, holds, the clock,
// signals, children and operators' wishes add. What changes nothing is gathered by the answer to it.
func TestFeatures(t *testing.T) {
	var b strings.Builder
	for _, f := range features {
		def := featureDefinition(t, f.name, f.steps)
		fmt.Fprintf(&b, "=== %s%s\n\n", f.name, strings.ReplaceAll(f.steps, ", RETRY", ""))
		for _, s := range f.situations {
			in := alongWith(t, def, f.input, s[2])
			fmt.Fprintf(&b, "%s\n    %s\n", s[0], tell(in))
			b.WriteString(featureTable(t, def, f.input, in, s[1]))
		}
	}
	checkGolden(t, "features.golden", trimLines(b.String()))
}

func featureTable(t *testing.T, def *Definition, input string, in Instance, step string) string {
	t.Helper()
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	var reasons []string
	ignored := map[string][]string{}
	for _, cell := range append([]string{"start"}, featureCells...) {
		event := eventNamed(t, def, in, step+" "+cell)
		if start, ok := event.(Started); ok {
			start.Input = json.RawMessage(input)
			event = start
		}
		after, effects := Transition(def, in, event)
		if after.Revision == in.Revision {
			reason := effectsOf(effects)
			if ignored[reason] == nil {
				reasons = append(reasons, reason)
			}
			ignored[reason] = append(ignored[reason], cell)
			continue
		}
		fmt.Fprintf(w, "  %s\t%s\t%s\n", cell, difference(in, after), effectsOf(effects))
	}
	w.Flush()
	for _, reason := range reasons {
		fmt.Fprintf(&b, "  . %s <- %s\n", reason, strings.Join(ignored[reason], ", "))
	}
	return b.String() + "\n"
}

func featureDefinition(t *testing.T, name, steps string) *Definition {
	t.Helper()
	const retry = "timeout: 5s, retry: {attempts: 2, backoff: 1s}"
	def, err := Parse("feature.yaml", []byte("saga: feature\nsteps:"+strings.ReplaceAll(steps, "RETRY", retry)))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return def
}

// alongWith is along, with an input.
func alongWith(t *testing.T, def *Definition, input, path string) Instance {
	t.Helper()
	var in Instance
	for name := range strings.SplitSeq(path, "; ") {
		if name == "" {
			continue
		}
		event := eventNamed(t, def, in, name)
		if start, ok := event.(Started); ok {
			start.Input = json.RawMessage(input)
			event = start
		}
		next, effects := Transition(def, in, event)
		if next.Revision != in.Revision+1 {
			t.Fatalf("%s: %q does not move the saga: %+v", path, name, effects)
		}
		in = next
	}
	return in
}

// featureEvent makes the events that are no answers of participants, or nil.
func featureEvent(def *Definition, in Instance, step string, what []string) Event {
	at := testStart.Add(time.Minute)
	force, parent := slices.Contains(what, "force"), ""
	if slices.Contains(what, "parent") {
		parent = "p"
	}
	switch what[0] {
	case "later": // start later
		return Started{At: at, ID: "s", Start: at.Add(10 * time.Minute)}
	case "as": // start as child
		return Started{At: at, ID: "s", Parent: &Parent{ID: "p", Step: "run", Depth: 1}}
	case "woke":
		return Woke{At: later(at, in.Timer(def))}
	case "postponed":
		return Postponed{At: at, By: time.Hour}
	case "settled":
		return Settled{At: at}
	case "retry":
		return Resumed{At: at, Reason: "look again", Step: step}
	case "skip":
		return Skipped{At: at, Reason: "without it", Step: step, Force: force}
	case "resolve":
		return ResolvedByHand{At: at, Reason: "by phone", Step: step, Result: json.RawMessage(`{"by":"hand"}`), Force: force}
	case "abandon", "force":
		return GivenUp{At: at, Reason: "enough", Force: force, From: parent}
	case "by": // cancel by parent
		return Cancelled{At: at, Reason: "undo", From: "p"}
	case "cancel":
		return Cancelled{At: at, Reason: "changed my mind", From: parent}
	case "signal":
		return Signalled{At: at, Name: what[1], Data: json.RawMessage(fmt.Sprintf(`{"n":%d}`, len(what)))}
	case "timeout":
		for _, out := range timeoutsOf(def, in) {
			if out.Step == step && len(what) == 1 {
				out.At = at
				return out
			}
		}
	case "child":
		return childNamed(in, at, step, what[1])
	}
	if step == "signal" {
		return Signalled{At: at, Name: what[0], Data: json.RawMessage(`{"n":2}`)}
	}
	return nil
}

func childNamed(in Instance, at time.Time, step, what string) Event {
	e := ChildEnded{At: at, Step: step, Child: "nobody's", State: State(what), Output: json.RawMessage(`{"ok":true}`)}
	s, ok := in.Step(step)
	switch {
	case what == "stranger":
		e.State = Completed
	case ok && s.Child != "":
		e.Child = s.Child
	}
	switch what {
	case "stands":
		e.State = Running
	case "compensated":
		e.Cause = &Cause{Kind: CauseRejected, Code: "full", Message: "no room"}
	}
	return e
}
