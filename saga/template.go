package saga

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// template is a value of a definition with ${...} in its strings, at any depth.
type template interface {
	// appendJSON writes the value for one saga. Room is how deep it may still be nested.
	appendJSON(dst []byte, s *scope, room int) ([]byte, error)
}

// constant is a template without an expression, as JSON.
type constant []byte

// objectTemplate has its fields sorted by name, so that equal arguments have equal bytes.
type objectTemplate []fieldTemplate

type fieldTemplate struct {
	quoted []byte // the name as JSON, and the colon
	value  template
}

type listTemplate []template

func (c constant) appendJSON(dst []byte, _ *scope, _ int) ([]byte, error) {
	return append(dst, c...), nil
}

func (o objectTemplate) appendJSON(dst []byte, s *scope, room int) ([]byte, error) {
	dst = append(dst, '{')
	for i, f := range o {
		if i > 0 {
			dst = append(dst, ',')
		}
		var err error
		if dst, err = f.value.appendJSON(append(dst, f.quoted...), s, room-1); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}

func (l listTemplate) appendJSON(dst []byte, s *scope, room int) ([]byte, error) {
	dst = append(dst, '[')
	for i, t := range l {
		if i > 0 {
			dst = append(dst, ',')
		}
		var err error
		if dst, err = t.appendJSON(dst, s, room-1); err != nil {
			return nil, err
		}
	}
	return append(dst, ']'), nil
}

// renderObject computes a body for one saga; nil is the empty object.
func renderObject(t template, s *scope) (json.RawMessage, error) {
	if t == nil {
		return emptyObject, nil
	}
	body, err := t.appendJSON(nil, s, MaxDepth)
	switch {
	case err != nil:
		return nil, err
	case body[0] != '{':
		return nil, errors.New("it must be an object")
	case len(body) > MaxBody:
		return nil, fmt.Errorf("it has %d bytes: at most %d are allowed", len(body), MaxBody)
	}
	return body, nil
}

// Address computes where the command of a step goes, for the run of that name (the step's id, or
// "<step>.<index>" over a list): the participant and the key (ordering lane), which is the saga's id
// if the definition names none. It depends on the instance's input and the results of earlier steps
// alone. The error names the expression that has no usable value.
func (sd *StepDefinition) Address(in *Instance, run string) (participant, key string, err error) {
	sc := sd.scope(in, run)
	if participant, err = sd.participant.render(sc); err != nil {
		return "", "", fmt.Errorf("participant: %w", err)
	}
	if err := CheckParticipant(participant); err != nil {
		return "", "", err
	}
	if sd.key == nil {
		return participant, in.ID, nil
	}
	if key, err = sd.key.render(sc); err != nil {
		return "", "", fmt.Errorf("key: %w", err)
	}
	return participant, key, CheckKey(key)
}

// Arguments computes the body of the command of a run, a JSON object of at most [MaxBody] bytes.
// The same instance always gives the same bytes, whatever the direction of the command.
func (sd *StepDefinition) Arguments(in *Instance, run string) (json.RawMessage, error) {
	body, err := renderObject(sd.args, sd.scope(in, run))
	if err != nil {
		return nil, fmt.Errorf("args: %w", err)
	}
	return body, nil
}

// condition computes when.
func (sd *StepDefinition) condition(in *Instance, run string) (bool, error) {
	ok, err := sd.when.truth(sd.scope(in, run))
	if err != nil {
		return false, fmt.Errorf("when: %w", err)
	}
	return ok, nil
}

// items computes the length of the list that the step runs over.
func (sd *StepDefinition) items(in *Instance) (int, error) {
	n, err := sd.each.list(newScope(in))
	if err != nil {
		return 0, fmt.Errorf("each: %w", err)
	}
	return n, nil
}

// duration computes how long a sleep is.
func (sd *StepDefinition) duration(in *Instance, run string) (time.Duration, error) {
	text, err := sd.sleep.render(sd.scope(in, run))
	if err != nil {
		return 0, fmt.Errorf("sleep: %w", err)
	}
	d, err := ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("sleep: %w", err)
	}
	return d, nil
}

// signalName computes the name of the signal that an await waits for.
func (sd *StepDefinition) signalName(in *Instance) (string, error) {
	return signalName(sd.Await.signal, in)
}

// rejectName computes the name of the signal that rejects an await; "" if there is none.
func (sd *StepDefinition) rejectName(in *Instance) (string, error) {
	if sd.Await.reject == nil {
		return "", nil
	}
	return signalName(sd.Await.reject, in)
}

func signalName(t text, in *Instance) (string, error) {
	name, err := t.render(newScope(in))
	if err != nil {
		return "", fmt.Errorf("signal: %w", err)
	}
	return name, CheckID("signal", name)
}

// childInput computes the input of the saga that the step runs.
func (sd *StepDefinition) childInput(in *Instance, run string) (json.RawMessage, error) {
	body, err := renderObject(sd.Run.input, sd.scope(in, run))
	if err != nil {
		return nil, fmt.Errorf("run: input: %w", err)
	}
	return body, nil
}

// Result computes the saga's output, a JSON object of at most [MaxBody] bytes, when every step has its result.
func (d *Definition) Result(in *Instance) (json.RawMessage, error) {
	body, err := renderObject(d.output, newScope(in))
	if err != nil {
		return nil, fmt.Errorf("output: %w", err)
	}
	return body, nil
}

// templateCompiler compiles all texts in a field, and reports each that is wrong.
type templateCompiler struct {
	object
	name string
	view view
}

func (c templateCompiler) compile(n *node) template {
	switch n.kind {
	case textNode:
		t, err := compileText(n.text, c.view)
		if err != nil {
			c.refuse(n, c.name+": "+err.Error(), "correct the expression")
		}
		return t
	case listNode:
		var list listTemplate
		for _, item := range n.items {
			list = append(list, c.compile(item))
		}
		return list
	case objectNode:
		return c.compileObject(n)
	}
	return c.constant(n)
}

// constant writes a number as every later reading of the definition will: 2.50 as 2.5.
func (c templateCompiler) constant(n *node) template {
	v, err := decode(n.appendJSON(nil))
	if err != nil {
		c.refuse(n, fmt.Sprintf("%s: the number %.60s is too large", c.name, n.text), "put it in quotes")
	}
	body, _ := appendValue(nil, v, 0)
	return constant(body)
}

func (c templateCompiler) compileObject(n *node) template {
	fields := slices.Clone(n.fields)
	slices.SortFunc(fields, func(a, b field) int { return strings.Compare(a.name, b.name) })
	o := objectTemplate{}
	for _, f := range fields {
		o = append(o, fieldTemplate{quoted: append(appendQuoted(nil, f.name), ':'), value: c.compile(f.value)})
	}
	return o
}
