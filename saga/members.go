package saga

import (
	"encoding/json"
	"strconv"
	"time"
)

// members appends the members of a JSON object.
type members struct {
	b   []byte
	err error
}

// open begins an object in an array.
func (m *members) open() {
	if m.b[len(m.b)-1] == '}' {
		m.b = append(m.b, ',')
	}
	m.b = append(m.b, '{')
}

func (m *members) name(name string) {
	if m.b[len(m.b)-1] != '{' {
		m.b = append(m.b, ',')
	}
	m.b = append(append(append(m.b, '"'), name...), '"', ':')
}

func (m *members) null(name string) {
	m.name(name)
	m.b = append(m.b, "null"...)
}

func (m *members) text(name, s string) {
	m.name(name)
	m.b = appendText(m.b, s)
}

func (m *members) someText(name, s string) {
	if s != "" {
		m.text(name, s)
	}
}

func (m *members) number(name string, n int) {
	m.name(name)
	m.b = strconv.AppendInt(m.b, int64(n), 10)
}

func (m *members) someNumber(name string, n int) {
	if n != 0 {
		m.number(name, n)
	}
}

func (m *members) flag(name string, on bool) {
	if on {
		m.name(name)
		m.b = append(m.b, "true"...)
	}
}

// moment writes a time of a document.
func (m *members) moment(name string, t *Time) {
	if t == nil {
		m.null(name)
		return
	}
	m.name(name)
	m.b = t.UTC().AppendFormat(m.b, timeLayout)
}

func (m *members) someTime(name string, t time.Time) {
	switch {
	case t.IsZero():
	case t.Year() < 0 || t.Year() > 9999:
		m.value(name, t) // which refuses it
	default:
		m.name(name)
		m.b = append(t.AppendFormat(append(m.b, '"'), time.RFC3339Nano), '"')
	}
}

// raw writes JSON without its white space, as encoding/json does.
func (m *members) raw(name string, r json.RawMessage) {
	switch {
	case r == nil:
		m.null(name)
	case plainJSON(r):
		m.name(name)
		m.b = append(m.b, r...)
	default:
		m.value(name, r)
	}
}

func (m *members) someRaw(name string, r json.RawMessage) {
	if len(r) > 0 {
		m.raw(name, r)
	}
}

// value writes what is rare.
func (m *members) value(name string, v any) {
	text, err := json.Marshal(v)
	if err != nil && m.err == nil {
		m.err = err
	}
	m.name(name)
	m.b = append(m.b, text...)
}

func appendText(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			text, err := json.Marshal(s)
			if err != nil {
				panic(err) // a string is always written
			}
			return append(b, text...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

// plainJSON says that there is nothing in r that encoding/json would write otherwise. That r is JSON was
// checked at the door.
func plainJSON(r json.RawMessage) bool {
	for _, c := range r {
		if c <= ' ' || c >= 0x7f || c == '<' || c == '>' || c == '&' {
			return false
		}
	}
	return len(r) > 0
}
