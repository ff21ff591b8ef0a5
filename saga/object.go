package saga

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// object is an object of a definition's file whose fields are being read.
type object struct {
	draft *draft
	node  *node
	what  string // as errors name it: `step "pay": `, or "" for the saga itself
}

// need says whether a field can be left out.
type need bool

const (
	required need = true
	optional need = false
)

// object begins to read n, which may have the known fields only.
func (d *draft) object(n *node, what string, known ...string) (object, bool) {
	o := object{draft: d, node: n, what: what}
	if n.kind != objectNode {
		o.refuse(n, fmt.Sprintf("this is a %s", n.kind), "write an object with "+strings.Join(known, ", "))
		return o, false
	}
	for _, f := range n.fields {
		place := &node{line: f.line, column: f.column}
		if !slices.Contains(known, f.name) {
			o.refuse(place, fmt.Sprintf("there is no field %s", f.name), "the fields are "+strings.Join(known, ", "))
		}
	}
	return o, true
}

func (o object) refuse(at *node, what, fix string) { o.draft.refuse(at, o.what+what, fix) }

func (o object) get(name string, n need) (*node, bool) {
	value, ok := o.node.field(name)
	if !ok && n == required {
		o.refuse(o.node, name+" is missing", "add "+name+": ...")
	}
	return value, ok
}

// text reads a text; the node is nil if there is none.
func (o object) text(name string, n need) (string, *node) {
	value, ok := o.get(name, n)
	if !ok {
		return "", nil
	}
	if value.kind != textNode {
		fix := "put it in quotes"
		if value.kind == listNode || value.kind == objectNode {
			fix = "write a text"
		}
		o.refuse(value, fmt.Sprintf("%s is a %s, not a text", name, value.kind), fix)
		return "", nil
	}
	return value.text, value
}

// token reads a text that becomes a token of a subject.
func (o object) token(name string, n need) (string, *node) {
	s, value := o.text(name, n)
	if value == nil {
		return "", nil
	}
	if err := CheckID(name, s); err != nil {
		o.refuse(value, err.Error(), "choose another name")
		return "", nil
	}
	return s, value
}

func (o object) integer(name string, otherwise, least, most int) int {
	value, ok := o.get(name, optional)
	if !ok {
		return otherwise
	}
	n, ok := value.integer()
	if !ok || n < least || n > most {
		o.refuse(value, fmt.Sprintf("%s is not an integer from %d to %d", name, least, most), fmt.Sprintf("write %s: %d", name, max(otherwise, least)))
		return otherwise
	}
	return n
}

func (o object) duration(name string, otherwise time.Duration) time.Duration {
	const fix = "write a number and a unit: 200ms, 30s, 5m, 1h30m, 3d"
	value, ok := o.get(name, optional)
	if !ok {
		return otherwise
	}
	if value.kind != textNode {
		o.refuse(value, fmt.Sprintf("%s is a %s, not a duration", name, value.kind), fix)
		return otherwise
	}
	d, err := ParseDuration(value.text)
	if err == nil && d < time.Millisecond {
		err = fmt.Errorf("%q is less than a millisecond", value.text)
	}
	if err != nil {
		o.refuse(value, name+": "+err.Error(), fix)
		return otherwise
	}
	return d
}

// schema compiles the JSON Schema in a field; nil if there is none.
func (o object) schema(name string) *schema {
	value, ok := o.get(name, optional)
	if !ok {
		return nil
	}
	if value.kind != objectNode {
		o.refuse(value, fmt.Sprintf("%s is a %s, not a JSON Schema", name, value.kind), "write {type: object, properties: {...}}")
		return nil
	}
	document, err := decode(value.appendJSON(nil))
	if err != nil {
		o.refuse(value, name+": "+err.Error(), "")
		return nil
	}
	s, err := compileSchema(document)
	var invalid *jsonschema.SchemaValidationError
	var violated *jsonschema.ValidationError
	switch {
	case err == nil:
		return s
	case errors.As(err, &invalid) && errors.As(invalid.Err, &violated):
		for _, v := range violations(violated) {
			o.refuse(value.at(v.path()), fmt.Sprintf("%s is not a JSON Schema: %s", name, v), "correct the schema")
		}
	default:
		o.refuse(value, fmt.Sprintf("%s is not a JSON Schema: %v", name, err), "correct the schema")
	}
	return nil
}

// compiledText compiles a text with ${...}; the node is nil if there is none.
func (o object) compiledText(name string, n need, v view) (text, *node) {
	source, value := o.text(name, n)
	if value == nil {
		return nil, nil
	}
	t, err := compileText(source, v)
	if err != nil {
		o.refuse(value, name+": "+err.Error(), "correct the expression")
		return nil, nil
	}
	return t, value
}

// wholeExpression compiles a field that is one ${...} and nothing else; nil if there is none.
func (o object) wholeExpression(name, fix string, v view) *expression {
	if value, ok := o.node.field(name); ok && value.kind != textNode {
		o.refuse(value, fmt.Sprintf("%s is a %s, not one ${...}", name, value.kind), fix)
		return nil
	}
	t, value := o.compiledText(name, optional, v)
	if value == nil {
		return nil
	}
	e := t.whole()
	if e == nil {
		o.refuse(value, name+" is not one ${...}", fix)
	}
	return e
}

// template compiles the object with ${...} in a field; nil if there is none.
func (o object) template(name string, v view) template {
	value, ok := o.get(name, optional)
	if !ok {
		return nil
	}
	if value.kind != objectNode && value.kind != textNode {
		o.refuse(value, fmt.Sprintf("%s is a %s, not an object", name, value.kind), "write name: value pairs")
		return nil
	}
	c := templateCompiler{object: o, name: name, view: v}
	t := c.compile(value)
	if whole, ok := t.(text); ok && whole.whole() == nil {
		o.refuse(value, name+" is a text, not an object", "write name: value pairs, or one ${...} that has an object as its value")
	}
	return t
}
