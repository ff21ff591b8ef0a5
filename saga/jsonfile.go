package saga

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// readJSON reads the text of a definition in JSON. It stops at the first thing that is not JSON.
func readJSON(text []byte) (*node, *Problem) {
	if err := CheckObject(text); err != nil {
		return nil, textProblem(err)
	}
	r := jsonFile{text: text, line: 1, decoder: jsontext.NewDecoder(bytes.NewReader(text))}
	return r.node(), nil
}

func textProblem(err error) *Problem {
	if e, ok := err.(*BodyError); ok {
		return &Problem{Line: e.Line, Column: e.Column, What: e.Reason, Fix: "correct the JSON"}
	}
	return &Problem{What: err.Error()}
}

// jsonFile reads nodes out of text that is known to be valid.
type jsonFile struct {
	text      []byte
	decoder   *jsontext.Decoder
	counted   int // up to here lines have been counted
	line      int
	lineStart int
}

func (r *jsonFile) node() *node {
	n := r.place()
	token, _ := r.decoder.ReadToken()
	switch token.Kind() {
	case jsontext.KindBeginObject:
		n.kind = objectNode
		for r.decoder.PeekKind() != jsontext.KindEndObject {
			key := r.place()
			name, _ := r.decoder.ReadToken()
			n.add(field{name: name.String(), line: key.line, column: key.column, value: r.node()})
		}
		r.decoder.ReadToken()
	case jsontext.KindBeginArray:
		n.kind = listNode
		for r.decoder.PeekKind() != jsontext.KindEndArray {
			n.push(r.node())
		}
		r.decoder.ReadToken()
	case jsontext.KindNull:
		n.kind = nullNode
	case jsontext.KindString:
		n.kind, n.text = textNode, token.String()
	case jsontext.KindNumber:
		n.kind, n.text = numberNode, token.String()
	default:
		n.kind, n.text = boolNode, token.String()
	}
	return n
}

// place makes a node with the place of the next token.
func (r *jsonFile) place() *node {
	at := int(r.decoder.InputOffset())
	for at < len(r.text) && bytes.IndexByte([]byte(" \t\r\n,:"), r.text[at]) >= 0 {
		at++
	}
	for ; r.counted < at; r.counted++ {
		if r.text[r.counted] == '\n' {
			r.line++
			r.lineStart = r.counted + 1
		}
	}
	return &node{line: r.line, column: at - r.lineStart + 1}
}
