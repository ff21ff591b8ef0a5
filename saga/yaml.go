package saga

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// readYAML reads the text of a definition in YAML, as far as it says the same as JSON could: no
// tags, no merge keys, no infinity. Anchors and aliases are allowed.
func readYAML(text []byte) (*node, *Problem) {
	switch {
	case len(text) > MaxDefinition:
		return nil, &Problem{What: fmt.Sprintf("the definition has %d bytes: at most %d are allowed", len(text), MaxDefinition)}
	case !utf8.Valid(text):
		return nil, &Problem{What: "the file is not UTF-8", Fix: "save it as UTF-8"}
	}
	tokens := lexer.Tokenize(strings.TrimPrefix(string(text), "\ufeff"))
	if t := tooDeep(tokens); t != nil {
		return nil, problemAt(t, deeper, "flatten it")
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, syntaxProblem(text, err)
	}
	return readDocuments(file.Docs)
}

func readDocuments(documents []*ast.DocumentNode) (root *node, problem *Problem) {
	var r yamlFile
	for _, document := range documents {
		if _, isDirective := document.Body.(*ast.DirectiveNode); isDirective || document.Body == nil {
			continue
		}
		if root != nil {
			r.fail(document.Body, "a second document begins here", "write one saga a file")
			break
		}
		root = r.node(document.Body, MaxDepth)
	}
	if root == nil {
		return nil, &Problem{Line: 1, Column: 1, What: "the file is empty", Fix: "begin with saga: and the saga's name"}
	}
	return root, r.problem
}

var deeper = fmt.Sprintf("the definition is nested deeper than %d", MaxDepth)

// tooDeep finds the token at which lists and objects are nested too deeply. The library's parser
// calls itself for each level, so it must not see such a text.
func tooDeep(tokens token.Tokens) *token.Token {
	const most = 4 * MaxDepth // of "- - - -" and the like on one line
	open, entries, line := 0, 0, 0
	for _, t := range tokens {
		if t.Position.Line != line {
			line, entries = t.Position.Line, 0
		}
		switch t.Type {
		case token.MappingStartType, token.SequenceStartType:
			open++
		case token.MappingEndType, token.SequenceEndType:
			open--
		}
		if open <= 0 {
			entries++
		}
		if open > MaxDepth || entries > most {
			return t
		}
	}
	return nil
}

func problemAt(t *token.Token, what, fix string) *Problem {
	return &Problem{Line: t.Position.Line, Column: t.Position.Column, What: what, Fix: fix}
}

func syntaxProblem(text []byte, err error) *Problem {
	var syntax *yaml.SyntaxError
	if !errors.As(err, &syntax) || syntax.Token == nil {
		return &Problem{What: err.Error(), Fix: "correct the YAML"}
	}
	p := problemAt(syntax.Token, syntax.Message, "correct the YAML")
	if lines := strings.Split(string(text), "\n"); p.Line <= len(lines) && strings.Contains(lines[p.Line-1], "${") {
		p.Fix = `put the string with ${...} in quotes: within { } and [ ], or with a colon or # in it, YAML needs them`
	}
	return p
}

// yamlFile turns the library's nodes into ours. It stops at the first problem.
type yamlFile struct {
	anchors map[string]*node
	problem *Problem
}

func (r *yamlFile) fail(at ast.Node, what, fix string) {
	if r.problem == nil {
		r.problem = problemAt(at.GetToken(), what, fix)
	}
}

// node turns n into ours. Room is how many levels of lists and objects it may have.
func (r *yamlFile) node(n ast.Node, room int) *node {
	place := nodeAt(n.GetToken())
	if r.problem != nil {
		return place
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		return r.object(place, n.Values, room)
	case *ast.MappingValueNode:
		return r.object(place, []*ast.MappingValueNode{n}, room)
	case *ast.SequenceNode:
		return r.list(place, n.Values, room)
	case *ast.AnchorNode:
		return r.anchor(n, room)
	case *ast.AliasNode:
		return r.alias(n, room)
	case *ast.NullNode:
	case *ast.BoolNode:
		place.kind, place.text = boolNode, fmt.Sprint(n.Value)
	case *ast.StringNode:
		if n.Token.Type == token.StringType && looksNumeric(n.Value) { // 1e3, which the library takes for a text
			return r.number(place, n)
		}
		place.kind, place.text = textNode, n.Value
	case *ast.LiteralNode:
		place.kind, place.text = textNode, n.Value.Value
	case *ast.IntegerNode, *ast.FloatNode:
		return r.number(place, n)
	default:
		r.fail(n, fmt.Sprintf("%q has no meaning in a definition", n.GetToken().Value), "write what JSON could say")
	}
	place.size = len(place.text) + len(`""`)
	return place
}

func looksNumeric(plain string) bool {
	v := jsontext.Value(plain)
	return v.Kind() == jsontext.KindNumber && v.IsValid()
}

func nodeAt(t *token.Token) *node {
	return &node{kind: nullNode, line: t.Position.Line, column: t.Position.Column}
}

// number accepts the numbers of JSON. YAML has more, such as 0x1F or 1_000, and not all readers
// agree on what they mean.
func (r *yamlFile) number(place *node, n ast.Node) *node {
	place.kind, place.text = numberNode, n.GetToken().Value
	place.size = len(place.text)
	if !jsontext.Value(place.text).IsValid() {
		r.fail(n, fmt.Sprintf("the number %s is not written as in JSON", place.text), "use digits only, or put it in quotes")
	}
	return place
}

func (r *yamlFile) object(object *node, values []*ast.MappingValueNode, room int) *node {
	object.kind = objectNode
	names := make(map[string]bool, len(values))
	for _, v := range values {
		key, ok := v.Key.(*ast.StringNode)
		switch {
		case !ok:
			r.fail(v.Key, fmt.Sprintf("the key %s is not a text", v.Key), "put it in quotes")
		case names[key.Value]:
			r.fail(key, fmt.Sprintf("the key %q stands twice in one object", key.Value), "remove one of them")
		}
		if r.full(v, object, room) {
			return object
		}
		names[key.Value] = true
		place := nodeAt(key.Token)
		if len(names) == 1 && place.line == object.line { // without braces the library's place is the first colon
			object.column = min(object.column, place.column)
		}
		object.add(field{name: key.Value, line: place.line, column: place.column, value: r.node(v.Value, room-1)})
	}
	return object
}

func (r *yamlFile) list(list *node, values []ast.Node, room int) *node {
	list.kind = listNode
	for _, v := range values {
		if r.full(v, list, room) {
			return list
		}
		list.push(r.node(v, room-1))
	}
	return list
}

// full reports whether a list or object cannot take one more value, n.
func (r *yamlFile) full(n ast.Node, container *node, room int) bool {
	switch {
	case room == 0:
		r.fail(n, deeper, "flatten it")
	case container.size > MaxDefinition:
		r.fail(n, fmt.Sprintf("the definition is larger than %d bytes, counting what its aliases stand for", MaxDefinition), "make it smaller")
	}
	return r.problem != nil
}

func (r *yamlFile) anchor(n *ast.AnchorNode, room int) *node {
	value := r.node(n.Value, room)
	if r.anchors == nil {
		r.anchors = make(map[string]*node)
	}
	r.anchors[n.Name.GetToken().Value] = value
	return value
}

func (r *yamlFile) alias(n *ast.AliasNode, room int) *node {
	name := n.Value.GetToken().Value
	value, ok := r.anchors[name]
	switch {
	case !ok:
		r.fail(n, fmt.Sprintf("there is no anchor &%s before this alias", name), "define the anchor first")
		return nodeAt(n.Start)
	case value.height > room:
		r.fail(n, deeper, "flatten it")
	}
	return value
}
