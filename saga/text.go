package saga

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// text is a string of a definition with ${...} in it, cut into pieces.
type text []piece

// piece is either literal or, with an expression, computed.
type piece struct {
	literal    string
	expression *expression
}

// compileText cuts and compiles a string that stands where view says.
func compileText(source string, v view) (text, error) {
	var t text
	for rest := source; rest != ""; {
		before, inside, after, err := cutExpression(rest)
		if err != nil {
			return nil, err
		}
		if before != "" {
			t = append(t, piece{literal: before})
		}
		if len(before) < len(rest) {
			e, err := compileExpression(inside, v)
			if err != nil {
				return nil, fmt.Errorf("${%.60s}: %w", inside, err)
			}
			t = append(t, piece{expression: e})
		}
		rest = after
	}
	return t, nil
}

// cutExpression finds the first ${...}. Braces inside, and those in quotes, are part of it.
func cutExpression(s string) (before, inside, after string, err error) {
	before, rest, found := strings.Cut(s, "${")
	if !found {
		return s, "", "", nil
	}
	open := 1
	for i := 0; i < len(rest); i++ {
		switch c := rest[i]; c {
		case '{':
			open++
		case '}':
			if open--; open == 0 {
				return before, rest[:i], rest[i+1:], nil
			}
		case '"', '\'', '`':
			i = endOfQuote(rest, i)
		}
	}
	return "", "", "", fmt.Errorf("${%.60s has no closing }", rest)
}

// endOfQuote returns the index of the quote that closes the one at start.
func endOfQuote(s string, start int) int {
	for i := start + 1; i < len(s); i++ {
		switch {
		case s[i] == s[start]:
			return i
		case s[i] == '\\' && s[start] != '`':
			i++
		}
	}
	return len(s)
}

// constant returns the text if nothing in it is computed.
func (t text) constant() (string, bool) {
	if len(t) == 0 {
		return "", true
	}
	return t[0].literal, len(t) == 1 && t[0].expression == nil
}

// whole returns the expression if the text is nothing else.
func (t text) whole() *expression {
	if len(t) == 1 {
		return t[0].expression
	}
	return nil
}

// render computes the text for one saga.
func (t text) render(s *scope) (string, error) {
	if literal, ok := t.constant(); ok {
		return literal, nil
	}
	var whole strings.Builder
	for _, p := range t {
		part, err := p.render(s)
		if err != nil {
			return "", err
		}
		if len(t) == 1 {
			return part, nil
		}
		whole.WriteString(part)
	}
	return whole.String(), nil
}

func (p piece) render(s *scope) (string, error) {
	if p.expression == nil {
		return p.literal, nil
	}
	if literal, ok := p.expression.path.written(s); ok {
		return string(bytes.Trim(literal, `"`)), nil
	}
	v, err := p.expression.value(s)
	if err != nil {
		return "", err
	}
	rendered, err := renderValue(v)
	if err != nil {
		return "", fmt.Errorf("${%s}: %w", p.expression.source, err)
	}
	return rendered, nil
}

func renderValue(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case bool:
		return strconv.FormatBool(v), nil
	case int, float64, json.Number:
		number, err := appendValue(nil, v, 0)
		return string(number), err
	case nil:
		return "", errors.New("it is null, but a text is needed here")
	}
	return "", errors.New("it is a list or an object, but a text is needed here")
}

// appendJSON keeps the type of the value if the text is one whole expression.
func (t text) appendJSON(dst []byte, s *scope, room int) ([]byte, error) {
	if e := t.whole(); e != nil {
		if literal, ok := e.path.written(s); ok {
			return append(dst, literal...), nil
		}
		v, err := e.value(s)
		if err != nil {
			return nil, err
		}
		if dst, err = appendValue(dst, v, room); err != nil {
			return nil, fmt.Errorf("${%s}: %w", e.source, err)
		}
		return dst, nil
	}
	rendered, err := t.render(s)
	if err != nil {
		return nil, err
	}
	return jsontext.AppendQuote(dst, rendered)
}
