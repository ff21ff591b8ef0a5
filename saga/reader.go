package saga

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// decode reads JSON into the values that expressions and schemas see: map[string]any, []any,
// string, bool, nil and numbers. An integer literal is an int, or a json.Number beyond 64 bits;
// a literal with a point or an exponent is a float64, also if its value is whole.
func decode(b []byte) (any, error) {
	if !jsontext.Value(b).IsValid() {
		return nil, explainBody(b)
	}
	return decodeValid(b)
}

// decodeValid is decode for what is known to be valid JSON, such as what CheckObject has passed.
func decodeValid(valid []byte) (any, error) {
	r := valueReader{json: valid}
	v := r.value()
	return v, r.err
}

// valueReader walks over valid JSON. It relies on that: there is no check of the syntax in it.
type valueReader struct {
	json []byte
	at   int
	err  error // a number that is no number here
}

// next returns the first byte of the next token, without taking it.
func (r *valueReader) next() byte {
	for {
		switch c := r.json[r.at]; c {
		case ' ', '\t', '\r', '\n', ',', ':':
			r.at++
		default:
			return c
		}
	}
}

func (r *valueReader) value() any {
	switch r.next() {
	case '{':
		return r.object()
	case '[':
		return r.list()
	case '"':
		return r.text()
	case 't':
		r.at += len("true")
		return true
	case 'f':
		r.at += len("false")
		return false
	case 'n':
		r.at += len("null")
		return nil
	}
	return r.number()
}

func (r *valueReader) object() any {
	object := make(map[string]any)
	for r.at++; r.next() != '}'; {
		name := r.text()
		object[name] = r.value()
	}
	r.at++
	return object
}

func (r *valueReader) list() any {
	list := []any{}
	for r.at++; r.next() != ']'; {
		list = append(list, r.value())
	}
	r.at++
	return list
}

func (r *valueReader) text() string {
	inside, escaped := r.quoted()
	if !escaped {
		return string(inside)
	}
	text, _ := jsontext.AppendUnquote(nil, r.json[r.at-len(inside)-2:r.at])
	return string(text)
}

// quoted takes a string and returns what stands between its quotes.
func (r *valueReader) quoted() (inside []byte, escaped bool) {
	start := r.at + 1
	for r.at = start; r.json[r.at] != '"'; r.at++ {
		if r.json[r.at] == '\\' {
			r.at++
			escaped = true
		}
	}
	r.at++
	return r.json[start : r.at-1], escaped
}

func (r *valueReader) number() any {
	start := r.at
	for r.at < len(r.json) && strings.IndexByte("+-.0123456789eE", r.json[r.at]) >= 0 {
		r.at++
	}
	literal := string(r.json[start:r.at])
	if strings.ContainsAny(literal, ".eE") {
		f, err := strconv.ParseFloat(literal, 64)
		if err != nil {
			r.err = placed(r.json, int64(start), "", "this number is too large")
		}
		return f
	}
	if n, err := strconv.Atoi(literal); err == nil {
		return n
	}
	return json.Number(literal)
}

// seek goes to the member of the next value: a name for an object, an index for a list.
func (r *valueReader) seek(key any) bool {
	switch key := key.(type) {
	case string:
		return r.next() == '{' && r.seekName(key)
	case int:
		return r.next() == '[' && r.seekIndex(key)
	}
	return false
}

func (r *valueReader) seekName(key string) bool {
	for r.at++; r.next() != '}'; r.skip() {
		name, escaped := r.quoted()
		if escaped {
			name, _ = jsontext.AppendUnquote(nil, r.json[r.at-len(name)-2:r.at])
		}
		if string(name) == key {
			return true
		}
	}
	return false
}

func (r *valueReader) seekIndex(index int) bool {
	for r.at++; r.next() != ']'; r.skip() {
		if index == 0 {
			return true
		}
		index--
	}
	return false
}

// skip takes the next value without reading it.
func (r *valueReader) skip() {
	switch r.next() {
	case '"':
		r.quoted()
	case '{', '[':
		r.skipNested()
	default:
		for r.at < len(r.json) && strings.IndexByte(",]} \t\r\n", r.json[r.at]) < 0 {
			r.at++
		}
	}
}

func (r *valueReader) skipNested() {
	for open := 0; ; {
		switch r.json[r.at] {
		case '"':
			r.quoted()
			continue
		case '{', '[':
			open++
		case '}', ']':
			open--
		}
		if r.at++; open == 0 {
			return
		}
	}
}
