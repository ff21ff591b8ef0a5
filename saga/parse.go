package saga

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// Parse reads a definition from a file's text: JSON if the name ends in .json, else YAML. The
// name is only told in errors. The error is a [*DefinitionError] with all that is wrong.
func Parse(file string, data []byte) (*Definition, error) {
	read := readYAML
	if strings.HasSuffix(file, ".json") {
		read = readJSON
	}
	root, problem := read(data)
	return define(file, root, problem)
}

// ParseJSON reads a definition in JSON, such as [Definition.Source].
func ParseJSON(data []byte) (*Definition, error) {
	root, problem := readJSON(data)
	return define("", root, problem)
}

// define checks what a file says as a whole.
func define(file string, root *node, problem *Problem) (*Definition, error) {
	d := draft{file: file}
	if problem != nil {
		d.problems = append(d.problems, *problem)
	} else {
		d.saga(root)
	}
	if len(d.problems) > 0 {
		return nil, d.failed()
	}
	return &d.Definition, nil
}

// draft is a definition on its way from a file, with what is wrong with it so far.
type draft struct {
	Definition
	file     string
	problems []Problem
}

func (d *draft) failed() error {
	for i := range d.problems {
		d.problems[i].File = d.file
	}
	slices.SortStableFunc(d.problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return &DefinitionError{Problems: d.problems}
}

// refuse notes a problem: where, what is wrong and why, what to write instead.
func (d *draft) refuse(at *node, what, fix string) {
	d.problems = append(d.problems, Problem{Line: at.line, Column: at.column, What: what, Fix: fix})
}

func (d *draft) saga(root *node) {
	o, ok := d.object(root, "", "saga", "version", "description", "input", "deadline", "steps", "output")
	if !ok {
		return
	}
	d.Name, _ = o.token("saga", required)
	d.Version = o.integer("version", 1, 1, 1<<31-1)
	d.Description, _ = o.text("description", optional)
	d.Deadline = o.duration("deadline", 0)
	d.input = o.schema("input")
	all := d.steps(o)
	d.output = o.template("output", view{before: all, steps: all})
	d.keep(root)
}

// steps reads the list of steps and returns their ids.
func (d *draft) steps(o object) []string {
	list, ok := o.get("steps", required)
	if !ok {
		return nil
	}
	if list.kind != listNode || len(list.items) == 0 {
		d.refuse(list, "steps is not a list of steps", "write at least one step: - {id: ..., participant: ..., action: ...}")
		return nil
	}
	if len(list.items) > MaxSteps {
		d.refuse(list, fmt.Sprintf("there are %d steps, at most %d are allowed", len(list.items), MaxSteps), "split the saga")
		return nil
	}
	ids := d.stepIDs(list.items)
	g := graph{draft: d, ids: ids}
	for i, n := range list.items {
		g.add(n, i)
	}
	if g.understood() {
		g.kinds()
	}
	if len(d.problems) == 0 {
		g.arrange()
	}
	return slices.DeleteFunc(ids, isEmpty)
}

func isEmpty(s string) bool { return s == "" }

// stepIDs reads the ids beforehand, so that expressions can be checked against all of them. A
// step without a usable id has "".
func (d *draft) stepIDs(items []*node) []string {
	ids := make([]string, len(items))
	for i, n := range items {
		id, ok := n.field("id")
		if !ok || id.kind != textNode {
			continue // the step itself will say so
		}
		if slices.Contains(ids[:i], id.text) {
			d.refuse(id, fmt.Sprintf("two steps have the id %q", id.text), "give each step its own id")
			continue
		}
		ids[i] = id.text
	}
	return ids
}

// keep makes the canonical source and its digest.
func (d *draft) keep(root *node) {
	source, err := Canonical(root.appendJSON(nil))
	if err != nil {
		d.refuse(root, err.Error(), "")
		return
	}
	if len(source) > MaxDefinition {
		d.refuse(root, fmt.Sprintf("the definition has %d bytes as JSON: at most %d are allowed", len(source), MaxDefinition), "make it smaller")
	}
	sum := sha256.Sum256(source)
	d.source = bytes.Clone(source)
	d.digest = "sha256:" + hex.EncodeToString(sum[:])
}
