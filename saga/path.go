package saga

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/expr-lang/expr/ast"
)

// path is an expression that only goes from member to member, like input.from.bank. It is
// followed without the virtual machine. A member that is null is a value; one that is absent is
// an error.
type path struct {
	root string // "input", "results", "saga", "item" or "index"
	keys []any  // a string for an object, an int for a list
}

var roots = []string{"input", "results", "saga", "item", "index"}

// pathOf recognises a plain path, or returns nil. With ?. in it there is a node of another type
// around it, so it is not plain.
func pathOf(node ast.Node) *path {
	var keys []any
	for {
		switch n := node.(type) {
		case *ast.IdentifierNode:
			if !slices.Contains(roots, n.Value) {
				return nil
			}
			slices.Reverse(keys)
			return &path{root: n.Value, keys: keys}
		case *ast.MemberNode:
			key, ok := plainKey(n)
			if !ok {
				return nil
			}
			keys = append(keys, key)
			node = n.Node
		default:
			return nil
		}
	}
}

func plainKey(n *ast.MemberNode) (any, bool) {
	switch property := n.Property.(type) {
	case *ast.StringNode:
		return property.Value, true
	case *ast.IntegerNode:
		return property.Value, true
	}
	return nil, false
}

// value follows the path in the bytes of the input or result: nothing but its end is decoded.
func (p *path) value(s *scope) (any, error) {
	switch p.root {
	case "saga":
		return p.ofSaga(s)
	case "index":
		if len(p.keys) > 0 {
			return nil, fmt.Errorf("%s has no members", p.until(0))
		}
		return s.index, nil
	}
	r, err := p.follow(s)
	if err != nil {
		return nil, err
	}
	v := r.value()
	return v, r.err
}

// follow goes to where the value begins.
func (p *path) follow(s *scope) (valueReader, error) {
	body, keys, err := p.start(s)
	r := valueReader{json: body}
	if err != nil {
		return r, err
	}
	for i, key := range keys {
		if !r.seek(key) {
			return r, fmt.Errorf("%s has no %s", p.until(len(p.keys)-len(keys)+i), printKey(key))
		}
	}
	return r, nil
}

// written is the value as it stands in the input or result, if it would be written so again: a text without
// escapes, quotes included, or digits. Most are that, and need not be decoded. ok is false for all else, errors included.
func (p *path) written(s *scope) (literal []byte, ok bool) {
	if p == nil || p.root == "saga" || p.root == "index" {
		return nil, false
	}
	r, err := p.follow(s)
	if err != nil {
		return nil, false
	}
	first := r.next()
	start := r.at
	switch {
	case first == '"':
		_, escaped := r.quoted()
		return r.json[start:r.at], !escaped
	case first >= '0' && first <= '9':
		r.skip()
		literal = r.json[start:r.at]
		return literal, !bytes.ContainsAny(literal, ".eE")
	}
	return nil, false
}

func (p *path) ofSaga(s *scope) (any, error) {
	if len(p.keys) > 1 {
		return nil, fmt.Errorf("%s has no members", p.until(1))
	}
	if p.keys[0] == "id" {
		return s.in.ID, nil
	}
	return s.in.Type, nil
}

// start returns the body that the path leads into, and the keys in it.
func (p *path) start(s *scope) (body json.RawMessage, keys []any, err error) {
	switch p.root {
	case "input":
		body, err = s.input()
		return body, p.keys, err
	case "item":
		body, err = s.item()
		return body, p.keys, err
	}
	step := p.keys[0].(string)
	switch body, err = s.result(step); {
	case err != nil:
	case body == nil:
		err = fmt.Errorf("step %q has no result", step)
	case string(body) == "null" && len(p.keys) > 1:
		err = fmt.Errorf("step %q was skipped and has no result (say what it is then: ${... ?? \"none\"})", step)
	}
	return body, p.keys[1:], err
}

// until prints the first n members of the path.
func (p *path) until(n int) string {
	text := p.root
	for _, key := range p.keys[:n] {
		switch name, ok := key.(string); {
		case !ok:
			text += printKey(key)
		case CheckID("", name) == nil:
			text += "." + name
		default:
			text += "[" + printKey(key) + "]"
		}
	}
	return text
}

func printKey(key any) string {
	if name, ok := key.(string); ok {
		return fmt.Sprintf("%q", name)
	}
	return fmt.Sprintf("[%d]", key)
}
