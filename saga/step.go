package saga

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Bounds of a retry policy.
const (
	MaxAttempts = 1000
	MaxFactor   = 10
	MaxCodes    = 100
)

// form is what a step does; the fields that go with it are in formFields.
type form string

const (
	formAction form = "action"
	formHold   form = "try"
	formAwait  form = "await"
	formSleep  form = "sleep"
	formRun    form = "run"
)

// stepFields are all fields of a step, in the order in which errors list them.
var stepFields = []string{"id", "kind", "after", "when", "each", "parallel", "participant", "action", "key", "args", "undo", "timeout", "retry",
	"try", "confirm", "cancel", "expires", "await", "sleep", "run"}

var everyForm = []string{"id", "after", "when"}

var formFields = map[form][]string{
	formAction: {"kind", "each", "parallel", "participant", "action", "key", "args", "undo", "timeout", "retry"},
	formHold:   {"kind", "participant", "key", "args", "timeout", "retry", "try", "confirm", "cancel", "expires"},
	formAwait:  {"await"},
	formSleep:  {"sleep"},
	formRun:    {"kind", "each", "parallel", "run"},
}

// step reads one step. The kind is only taken as it is written: what it must be depends on the
// other steps (see kinds).
func (d *draft) step(n *node, index int, v view) written {
	what := fmt.Sprintf("step %d: ", index+1)
	if id, ok := n.field("id"); ok && id.kind == textNode {
		what = fmt.Sprintf("step %q: ", id.text)
	}
	w := written{source: object{draft: d, node: n, what: what}}
	o, ok := d.object(n, what, stepFields...)
	if !ok {
		return w
	}
	w.ID, _ = o.token("id", required)
	if w.form = o.form(); w.form == "" {
		return w
	}
	o.checkFields(w.form)
	w.when = o.wholeExpression("when", `write when: "${...}" with a condition`, v)
	w.each = o.wholeExpression("each", `write each: "${...}" with a list`, v.withoutItem())
	w.Parallel = o.parallel(w.each != nil)
	w.Kind = o.kind()
	o.read(&w, v)
	return w
}

// parallel reads how many runs over a list are out at once; 0 where there is no list.
func (o object) parallel(list bool) int {
	value, ok := o.node.field("parallel")
	if _, each := o.node.field("each"); ok && !each {
		o.refuse(value, "parallel is there, but no each", `add each: "${...}" with a list, or leave it out`)
		return 0
	}
	if n := o.integer("parallel", DefaultParallel, 1, MaxItems); list {
		return n
	}
	return 0
}

// form finds what the step does.
func (o object) form() form {
	var found []string
	for _, f := range []form{formAction, formHold, formAwait, formSleep, formRun} {
		if _, ok := o.node.field(string(f)); ok {
			found = append(found, string(f))
		}
	}
	switch len(found) {
	case 0:
		o.refuse(o.node, "action is missing", "add action: ...; or try, confirm and cancel; or await, sleep or run")
		return formAction
	case 1:
		return form(found[0])
	}
	o.refuse(o.node, "it has "+strings.Join(found, " and ")+", but a step does one thing", "make a step of each")
	return ""
}

// checkFields refuses the fields that do not go with the step's form.
func (o object) checkFields(of form) {
	for _, f := range o.node.fields {
		if !slices.Contains(stepFields, f.name) || slices.Contains(everyForm, f.name) || slices.Contains(formFields[of], f.name) {
			continue
		}
		o.refuse(&node{line: f.line, column: f.column}, fmt.Sprintf("%s does not go with %s", f.name, of),
			"leave it out; with "+string(of)+" go "+strings.Join(slices.Concat(everyForm, formFields[of]), ", "))
	}
}

// read reads what the form of the step needs.
func (o object) read(w *written, v view) {
	switch w.form {
	case formAwait:
		w.Kind, w.Await = Read, o.await(v)
	case formSleep:
		w.Kind, w.Sleep = Read, true
		w.sleep = o.sleep(v)
	case formRun:
		w.Run = o.run(v)
	case formHold:
		o.command(w, "try", v)
		o.hold(w)
	default:
		o.command(w, "action", v)
		w.Undo = o.operation("undo", w.Timeout, w.Retry)
	}
}

// command reads what makes the step's command.
func (o object) command(w *written, action string, v view) {
	w.participant = o.participant(v)
	w.Action, _ = o.token(action, optional)
	w.key = o.key(v)
	w.args = o.template("args", v)
	w.Timeout = o.duration("timeout", DefaultTimeout)
	w.Retry = o.retry(RetryPolicy{Attempts: DefaultAttempts, Backoff: DefaultBackoff, Factor: DefaultFactor, Max: DefaultMaxWait})
}

func (o object) await(v view) *AwaitDefinition {
	value, _ := o.get("await", required)
	inner, ok := o.draft.object(value, o.what+"await: ", "signal", "timeout", "on_timeout", "reject")
	a := &AwaitDefinition{}
	if !ok {
		return a
	}
	a.signal = inner.signal("signal", required, v)
	a.reject = inner.signal("reject", optional, v)
	a.Timeout = inner.duration("timeout", 0)
	switch on, at := inner.text("on_timeout", optional); {
	case at == nil:
	case a.Timeout == 0:
		inner.refuse(at, "on_timeout is there, but no timeout", "add timeout: ...")
	case on == "continue":
		a.Continue = true
	case on != "reject":
		inner.refuse(at, fmt.Sprintf("there is no on_timeout %q", on), "write reject or continue")
	}
	return a
}

func (o object) signal(name string, n need, v view) text {
	t, value := o.compiledText(name, n, v)
	if value == nil {
		return nil
	}
	if literal, ok := t.constant(); ok {
		if err := CheckID(name, literal); err != nil {
			o.refuse(value, err.Error(), "choose another name")
		}
	}
	return t
}

func (o object) sleep(v view) text {
	if value, _ := o.node.field("sleep"); value.kind != textNode {
		o.duration("sleep", 0) // it says what is wrong
		return nil
	}
	t, value := o.compiledText("sleep", required, v)
	if value == nil {
		return nil
	}
	if _, ok := t.constant(); ok {
		o.duration("sleep", 0)
	}
	return t
}

func (o object) run(v view) *RunDefinition {
	value, _ := o.get("run", required)
	inner, ok := o.draft.object(value, o.what+"run: ", "saga", "version", "input")
	r := &RunDefinition{}
	if ok {
		r.Saga, _ = inner.token("saga", required)
		r.Version = inner.integer("version", 0, 1, 1<<31-1)
		r.input = inner.template("input", v)
	}
	return r
}

func (o object) kind() Kind {
	s, value := o.text("kind", optional)
	if value == nil {
		return ""
	}
	switch k := Kind(s); k {
	case Compensatable, Pivot, Retriable, Read:
		return k
	}
	o.refuse(value, fmt.Sprintf("there is no kind %q", s), "the kinds are compensatable, pivot, retriable, read")
	return ""
}

func (o object) participant(v view) text {
	t, value := o.compiledText("participant", required, v)
	if value == nil {
		return nil
	}
	if literal, ok := t.constant(); ok {
		if err := CheckParticipant(literal); err != nil {
			o.refuse(value, err.Error(), "write the participant's name, or ${...}")
		}
	}
	return t
}

func (o object) key(v view) text {
	t, value := o.compiledText("key", optional, v)
	if value == nil {
		return nil
	}
	if literal, ok := t.constant(); ok {
		if err := CheckKey(literal); err != nil {
			o.refuse(value, err.Error(), "leave it out: then it is the saga's id")
		}
	}
	return t
}

// operation reads an action, or an object with one; nil if there is none. It inherits the step's
// timeout and retry policy.
func (o object) operation(name string, timeout time.Duration, retry RetryPolicy) *UndoDefinition {
	value, ok := o.get(name, optional)
	if !ok {
		return nil
	}
	u := &UndoDefinition{Timeout: timeout, Retry: retry}
	if value.kind == objectNode {
		inner, _ := o.draft.object(value, o.what+name+": ", "action", "timeout", "retry")
		u.Action, _ = inner.token("action", required)
		u.Timeout = inner.duration("timeout", timeout)
		u.Retry = inner.retry(retry)
		return u
	}
	u.Action, _ = o.token(name, required)
	return u
}

// retry reads a policy; what it does not say is as in otherwise.
func (o object) retry(otherwise RetryPolicy) RetryPolicy {
	value, ok := o.get("retry", optional)
	if !ok {
		return otherwise
	}
	inner, ok := o.draft.object(value, o.what+"retry: ", "attempts", "backoff", "factor", "max", "not")
	if !ok {
		return otherwise
	}
	p := RetryPolicy{
		Attempts: inner.integer("attempts", otherwise.Attempts, 1, MaxAttempts),
		Backoff:  inner.duration("backoff", otherwise.Backoff),
		Factor:   inner.factor(otherwise.Factor),
		Not:      inner.codes(otherwise.Not),
	}
	p.Max = inner.duration("max", max(otherwise.Max, p.Backoff))
	if limit, ok := inner.get("max", optional); ok && p.Max < p.Backoff {
		inner.refuse(limit, fmt.Sprintf("max (%s) is less than backoff (%s)", p.Max, p.Backoff), "write a max that is not less")
	}
	return p
}

func (o object) factor(otherwise float64) float64 {
	value, ok := o.get("factor", optional)
	if !ok {
		return otherwise
	}
	f, err := strconv.ParseFloat(value.text, 64)
	if value.kind != numberNode || err != nil || f < 1 || f > MaxFactor {
		o.refuse(value, fmt.Sprintf("factor is not a number from 1 to %d", MaxFactor), "write factor: 2")
		return otherwise
	}
	return f
}

func (o object) codes(otherwise []string) []string {
	value, ok := o.get("not", optional)
	if !ok {
		return otherwise
	}
	if value.kind != listNode || len(value.items) > MaxCodes {
		o.refuse(value, fmt.Sprintf("not: this is not a list of at most %d codes", MaxCodes), "write not: [system_closed]")
		return otherwise
	}
	var codes []string
	for _, n := range value.items {
		if err := CheckID("code", n.text); n.kind != textNode || err != nil {
			o.refuse(n, fmt.Sprintf("not: this %s is not a code", n.kind), "write the codes of retry replies, such as system_closed")
		}
		codes = append(codes, n.text)
	}
	return codes
}
