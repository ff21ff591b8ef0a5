package saga

import (
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// MaxDefinition bounds a definition: the bytes of its file, and of the JSON it says.
const MaxDefinition = MaxBody

// node is a value of a definition's file, YAML or JSON, with its place.
type node struct {
	kind         nodeKind
	line, column int
	text         string // of a text; a number's literal; "true" or "false"
	fields       []field
	items        []*node
	size         int // about its bytes as JSON, each YAML alias replaced by what it stands for
	height       int // how deep it is nested: 0 for a scalar
}

// field is a member of an object.
type field struct {
	name         string
	line, column int
	value        *node
}

type nodeKind string

const (
	nullNode   nodeKind = "null"
	boolNode   nodeKind = "boolean"
	numberNode nodeKind = "number"
	textNode   nodeKind = "text"
	listNode   nodeKind = "list"
	objectNode nodeKind = "object"
)

// add appends a member of an object.
func (n *node) add(f field) {
	n.fields = append(n.fields, f)
	n.grow(f.value, len(f.name)+len(`"":,`))
}

// push appends an item of a list.
func (n *node) push(item *node) {
	n.items = append(n.items, item)
	n.grow(item, len(`,`))
}

// forgetPlaces is for a text that nobody has written.
func (n *node) forgetPlaces() {
	n.line, n.column = 0, 0
	for i := range n.fields {
		n.fields[i].line, n.fields[i].column = 0, 0
		n.fields[i].value.forgetPlaces()
	}
	for _, item := range n.items {
		item.forgetPlaces()
	}
}

func (n *node) grow(child *node, more int) {
	n.size += child.size + more
	n.height = max(n.height, child.height+1)
}

func (n *node) field(name string) (*node, bool) {
	for i := range n.fields {
		if n.fields[i].name == name {
			return n.fields[i].value, true
		}
	}
	return nil, false
}

// integer returns the value of an integer literal.
func (n *node) integer() (int, bool) {
	v, err := strconv.Atoi(n.text)
	return v, err == nil && n.kind == numberNode
}

// at follows the names and indexes of a JSON pointer as far as they go.
func (n *node) at(location []string) *node {
	for _, name := range location {
		next, ok := n.field(name)
		if i, err := strconv.Atoi(name); err == nil && i < len(n.items) {
			next, ok = n.items[i], true
		}
		if !ok {
			break
		}
		n = next
	}
	return n
}

// appendJSON writes the value as JSON.
func (n *node) appendJSON(dst []byte) []byte {
	switch n.kind {
	case textNode:
		return appendQuoted(dst, n.text)
	case listNode:
		dst = append(dst, '[')
		for i, item := range n.items {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = item.appendJSON(dst)
		}
		return append(dst, ']')
	case objectNode:
		dst = append(dst, '{')
		for i, f := range n.fields {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = f.value.appendJSON(append(appendQuoted(dst, f.name), ':'))
		}
		return append(dst, '}')
	case nullNode:
		return append(dst, "null"...)
	}
	return append(dst, n.text...)
}

// appendQuoted cannot fail: the text of a file has been checked to be UTF-8.
func appendQuoted(dst []byte, s string) []byte {
	dst, _ = jsontext.AppendQuote(dst, s)
	return dst
}
