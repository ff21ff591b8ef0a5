package saga

import (
	"fmt"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
)

// view says which steps an expression may read, by where it stands.
type view struct {
	before []string // steps whose results are there
	steps  []string // all steps of the definition
	item   bool     // item and index are there
}

func (v view) withoutItem() view {
	v.item = false
	return v
}

func (v view) known() string {
	if len(v.before) == 0 {
		return "no step comes before this one"
	}
	return "results of " + strings.Join(v.before, ", ") + " can be used"
}

// references is what an expression refers to.
type references struct {
	steps    []string
	bare     []*ast.IdentifierNode // "results" and "saga" that no member has followed yet
	nullable bool
	ofItem   bool
	problem  error // the first thing that cannot be
}

func findReferences(node ast.Node, v view) (references, error) {
	var r references
	ast.Walk(&node, &r)
	for _, root := range r.bare {
		if root.Value == "results" {
			r.refuse(`results must be followed by the id of a step, as in results.hotel or results["my-step"]`)
		}
		r.refuse("saga must be followed by id or type")
	}
	if r.ofItem && !v.item {
		r.refuse("item and index are there only in a step with each")
	}
	for _, step := range r.steps {
		switch {
		case slices.Contains(v.before, step):
		case slices.Contains(v.steps, step):
			r.refuse("step %q has no result yet here: %s", step, v.known())
		default:
			r.refuse("there is no step %q: %s", step, v.known())
		}
	}
	return r, r.problem
}

// Visit is called for a node after its children.
func (r *references) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.IdentifierNode:
		r.name(n)
	case *ast.MemberNode:
		r.member(n)
	case *ast.BuiltinNode:
		r.call(n.Name)
	case *ast.VariableDeclaratorNode:
		r.refuse("let cannot be used here: write the value itself")
	case *ast.ChainNode, *ast.NilNode:
		r.nullable = true
	case *ast.BinaryNode:
		if n.Operator == "??" {
			r.nullable = true
		}
	}
}

func (r *references) name(n *ast.IdentifierNode) {
	switch n.Value {
	case "results", "saga":
		r.bare = append(r.bare, n)
	case "item", "index":
		r.ofItem = true
	case "$env":
		r.refuse("$env cannot be used: name input, results or saga")
	}
}

func (r *references) member(n *ast.MemberNode) {
	root, isName := n.Node.(*ast.IdentifierNode)
	name, isConstant := n.Property.(*ast.StringNode)
	at := slices.Index(r.bare, root)
	if !isName || !isConstant || at < 0 {
		return
	}
	r.bare = slices.Delete(r.bare, at, at+1)
	switch {
	case root.Value == "results":
		r.steps = append(r.steps, name.Value)
	case name.Value != "id" && name.Value != "type":
		r.refuse("saga has no %q: there are saga.id and saga.type", name.Value)
	}
}

func (r *references) call(function string) {
	if !slices.Contains(functions, function) {
		r.refuse("%s() cannot be used: an expression must be quick, and have the same value whenever and wherever it is computed", function)
	}
}

// functions are the library's functions that depend on nothing but their arguments. The others
// read the clock or the time zones, give the members of an object in random order, lose digits, or
// can make something huge of a small input.
var functions = []string{
	"all", "none", "any", "one", "filter", "map", "find", "findIndex", "findLast", "findLastIndex",
	"count", "sum", "sortBy", "len", "type", "abs", "ceil", "floor", "round", "int", "float",
	"string", "trim", "trimPrefix", "trimSuffix", "upper", "lower", "split", "splitAfter",
	"join", "indexOf", "lastIndexOf", "hasPrefix", "hasSuffix", "max", "min", "toBase64",
	"first", "last", "get", "take", "reverse", "uniq", "sort",
}

func (r *references) refuse(format string, a ...any) {
	if r.problem == nil {
		r.problem = fmt.Errorf(format, a...)
	}
}
