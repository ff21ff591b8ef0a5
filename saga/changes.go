package saga

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Changes says, in sentences, how a definition differs from an older version of it. None: they do the
// same.
func Changes(from, to *Definition) []string {
	var c changes
	c.value("the deadline", spoken(from.Deadline), spoken(to.Deadline))
	old, now := sourceOf(from), sourceOf(to)
	c.field("the description", old.rest, now.rest, "description")
	c.field("the input schema", old.rest, now.rest, "input")
	c.field("the output", old.rest, now.rest, "output")
	for _, id := range old.ids {
		if now.steps[id] == nil {
			c.say("step %s is removed", id)
		}
	}
	for _, id := range now.ids {
		if old.steps[id] == nil {
			c.say("step %s is added", id)
			continue
		}
		c.step(id, from, to, old.steps[id], now.steps[id])
	}
	return c
}

// changes are sentences.
type changes []string

func (c *changes) say(format string, args ...any) { *c = append(*c, fmt.Sprintf(format, args...)) }

func (c *changes) value(what, from, to string) {
	if from != to {
		c.say("%s was %s, it is %s", what, from, to)
	}
}

func (c *changes) field(what string, from, to fields, name string) {
	if !bytes.Equal(from[name], to[name]) {
		c.say("%s has changed", what)
	}
}

// stepWords are the fields of a step in the words of a person.
var stepWords = map[string]string{"args": "arguments", "retry": "retry policy", "undo": "undo", "run": "child", "await": "signal or its timeout",
	"when": "condition", "each": "list", "parallel": "bound on runs at once", "expires": "hold's time"}

func (c *changes) step(id string, from, to *Definition, old, now fields) {
	step := "step " + id + ": "
	if a, b := kindsOf(from, id), kindsOf(to, id); a != b {
		c.value(step+"its kind", a, b)
	}
	if a, b := afterOf(from, id), afterOf(to, id); a != b {
		c.say("%sit came after %s, it comes after %s", step, a, b)
	}
	for _, name := range stepFields {
		if name == "id" || name == "kind" || name == "after" {
			continue
		}
		what := stepWords[name]
		if what == "" {
			what = name
		}
		c.field(step+"its "+what, old, now, name)
	}
}

func spoken(d time.Duration) string {
	if d == 0 {
		return "none"
	}
	return d.String()
}

// kindsOf are the kinds of a step; a hold has two.
func kindsOf(d *Definition, id string) string {
	var kinds []string
	for i := range d.Steps {
		if writtenID(d.Steps[i].ID) == id {
			kinds = append(kinds, string(d.Steps[i].Kind))
		}
	}
	return strings.Join(kinds, " and ")
}

// afterOf names the written steps that a step comes after.
func afterOf(d *Definition, id string) string {
	for i := range d.Steps {
		if writtenID(d.Steps[i].ID) != id {
			continue
		}
		var after []string
		for _, before := range d.Steps[i].After {
			after = append(after, writtenID(before))
		}
		if slices.Sort(after); len(after) > 0 {
			return strings.Join(slices.Compact(after), " and ")
		}
		return "nothing"
	}
	return ""
}

// writtenID is the id in the file of one of the two steps that a hold becomes.
func writtenID(id string) string {
	id, _, _ = strings.Cut(id, ".")
	return id
}

// fields are a JSON object's, each as canonical JSON.
type fields map[string]json.RawMessage

// sourceFields is a definition's source, cut into its fields.
type sourceFields struct {
	rest  fields
	ids   []string
	steps map[string]fields
}

func sourceOf(d *Definition) sourceFields {
	s := sourceFields{steps: make(map[string]fields)}
	var steps []fields
	if json.Unmarshal(d.source, &s.rest) != nil || json.Unmarshal(s.rest["steps"], &steps) != nil {
		return s // it was parsed before, so this does not happen
	}
	for _, f := range steps {
		var id string
		if json.Unmarshal(f["id"], &id) == nil {
			s.ids, s.steps[id] = append(s.ids, id), f
		}
	}
	return s
}

// ChildrenFirst sorts definitions so that a saga comes before those that run it, as far as there is no
// circle; else they stay in their order.
func ChildrenFirst(defs []*Definition) []*Definition {
	sorted := make([]*Definition, 0, len(defs))
	var add func(d *Definition)
	seen := make(map[*Definition]bool)
	add = func(d *Definition) {
		if seen[d] {
			return
		}
		seen[d] = true
		for i := range d.Steps {
			for _, child := range defs {
				if run := d.Steps[i].Run; run != nil && run.Saga == child.Name {
					add(child)
				}
			}
		}
		sorted = append(sorted, d)
	}
	for _, d := range defs {
		add(d)
	}
	return sorted
}
