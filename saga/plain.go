package saga

import (
	"math/big"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// plain is a schema that says only what most schemas say, and is checked on the bytes of an input: a transfer's takes a
// tenth of the time, and nothing is decoded or allocated (BenchmarkCheckInput). It only says yes: what does not fit
// it, or is not plain itself, is judged by the library, which also says what is wrong. The zero value fits everything.
type plain struct {
	kinds    string // the first bytes of its values, see kindOf; "": any
	required int    // how many of the members
	members  map[string]member
	closed   bool // nothing else is a member
	items    *plain
	count    between // of a list
	length   between // of a text, in characters
	pattern  *regexp.Regexp
	values   map[string]bool // of a text; nil: any
	size     between         // of a number
	amount   bool
}

type member struct {
	value    *plain
	required bool
}

// between are bounds, themselves included; nil is none.
type between struct{ least, most *int }

func (b between) holds(n int) bool {
	return (b.least == nil || n >= *b.least) && (b.most == nil || n <= *b.most)
}

// The words that are plain, as the library names them, and those that say nothing about a value. A schema with any other
// word is not plain.
var plainWords = map[string]bool{
	"Types": true, "Required": true, "Properties": true, "AdditionalProperties": true, "Items2020": true, "MinItems": true, "MaxItems": true,
	"MinLength": true, "MaxLength": true, "Pattern": true, "Enum": true, "Minimum": true, "Maximum": true, "Format": true, "Ref": true, "Extensions": true,
	"DraftVersion": true, "Location": true, "ID": true, "Anchor": true, "Title": true, "Description": true, "Default": true, "Comment": true,
	"ReadOnly": true, "WriteOnly": true, "Examples": true, "Deprecated": true,
}

// plainOf is the schema as a plain one, or nil.
func plainOf(s *jsonschema.Schema) *plain { return plainReader{}.read(s) }

// plainReader has the schemas that were read. One that is being read is not plain where it refers to itself.
type plainReader map[*jsonschema.Schema]*plain

func (all plainReader) read(s *jsonschema.Schema) *plain {
	if p, seen := all[s]; seen {
		return p
	}
	all[s] = nil
	if onlyPlainWords(s) {
		all[s] = all.understand(s)
	}
	return all[s]
}

func (all plainReader) understand(s *jsonschema.Schema) *plain {
	p := &plain{count: between{s.MinItems, s.MaxItems}, length: between{s.MinLength, s.MaxLength}}
	p.setKinds(s)
	ok := p.setMembers(s, all) && p.setText(s) && p.setNumber(s)
	if s.Items2020 != nil {
		p.items = all.read(s.Items2020)
		ok = ok && p.items != nil
	}
	switch {
	case !ok, s.Ref != nil && !reflect.DeepEqual(p, &plain{}): // more is said beside the reference
		return nil
	case s.Ref != nil:
		return all.read(s.Ref)
	}
	return p
}

const newestDraft = 2020 // in older ones some words mean something else

func onlyPlainWords(s *jsonschema.Schema) bool {
	if s.DraftVersion != newestDraft {
		return false
	}
	v := reflect.ValueOf(s).Elem()
	for i := range v.NumField() {
		if f := v.Type().Field(i); f.IsExported() && !plainWords[f.Name] && !v.Field(i).IsZero() {
			return false
		}
	}
	for _, e := range s.Extensions {
		if _, ok := e.(integerLiteral); !ok {
			return false
		}
	}
	return true
}

// kindOf is the first byte of the values of a type; '0' is that of all numbers that are plain.
var kindOf = map[string]string{"object": "{", "array": "[", "string": `"`, "boolean": "tf", "null": "n", "integer": "0", "number": "0"}

func (p *plain) setKinds(s *jsonschema.Schema) {
	if s.Types == nil {
		return
	}
	for _, name := range s.Types.ToStrings() {
		p.kinds += kindOf[name]
	}
}

func (p *plain) setMembers(s *jsonschema.Schema, all plainReader) bool {
	switch open := s.AdditionalProperties.(type) {
	case nil:
	case bool:
		p.closed = !open
	default:
		return false
	}
	for name, schema := range s.Properties {
		value := all.read(schema)
		if value == nil {
			return false
		}
		p.put(name, member{value: value})
	}
	for _, name := range s.Required {
		m := p.members[name]
		if m.value == nil {
			if m.value = (&plain{}); p.closed {
				return false // it is required and not known: nothing fits
			}
		}
		m.required = true
		p.put(name, m)
		p.required++
	}
	return true
}

func (p *plain) put(name string, m member) {
	if p.members == nil {
		p.members = make(map[string]member)
	}
	p.members[name] = m
}

func (p *plain) setText(s *jsonschema.Schema) bool {
	if s.Pattern != nil {
		var ok bool
		if p.pattern, ok = s.Pattern.(*regexp.Regexp); !ok {
			return false
		}
	}
	if s.Enum == nil {
		return true
	}
	p.values = make(map[string]bool, len(s.Enum.Values))
	for _, value := range s.Enum.Values {
		text, ok := value.(string)
		if !ok {
			return false
		}
		p.values[text] = true
	}
	return true
}

func (p *plain) setNumber(s *jsonschema.Schema) bool {
	if s.Format != nil {
		if p.amount = s.Format.Name == minorUnits; !p.amount {
			return false
		}
	}
	var whole [2]bool
	p.size.least, whole[0] = wholeNumber(s.Minimum)
	p.size.most, whole[1] = wholeNumber(s.Maximum)
	return whole[0] && whole[1]
}

// wholeNumber is a bound of numbers; ok is false for one that is not an int.
func wholeNumber(bound *big.Rat) (n *int, ok bool) {
	if bound == nil {
		return nil, true
	}
	if !bound.IsInt() || !bound.Num().IsInt64() {
		return nil, false
	}
	v := int(bound.Num().Int64())
	return &v, true
}

// fits says that an input, which has passed [CheckObject], fits. If not, the library is to be asked.
func (p *plain) fits(body []byte) bool {
	r := valueReader{json: body}
	return p != nil && p.take(&r)
}

// take takes the next value and says whether it fits.
func (p *plain) take(r *valueReader) bool {
	first := r.next()
	if first >= '0' && first <= '9' || first == '-' {
		first = '0'
	}
	if p.kinds != "" && strings.IndexByte(p.kinds, first) < 0 || p.amount && first != '0' || p.values != nil && first != '"' {
		return false
	}
	switch first {
	case '{':
		return p.takeObject(r)
	case '[':
		return p.takeList(r)
	case '"':
		return p.takeText(r)
	case '0':
		return p.takeNumber(r)
	}
	r.skip()
	return true
}

func (p *plain) takeObject(r *valueReader) bool {
	missing := p.required
	for r.at++; r.next() != '}'; {
		name, escaped := r.quoted()
		m, known := p.members[string(name)]
		if escaped || !known && p.closed {
			return false
		}
		if !known {
			m.value = &anything
		}
		if m.required {
			missing--
		}
		if !m.value.take(r) {
			return false
		}
	}
	r.at++
	return missing == 0
}

var anything plain

func (p *plain) takeList(r *valueReader) bool {
	items, n := p.items, 0
	if items == nil {
		items = &anything
	}
	for r.at++; r.next() != ']'; n++ {
		if !items.take(r) {
			return false
		}
	}
	r.at++
	return p.count.holds(n)
}

func (p *plain) takeText(r *valueReader) bool {
	text, escaped := r.quoted()
	if p.length == (between{}) && p.pattern == nil && p.values == nil {
		return true
	}
	return !escaped && p.length.holds(utf8.RuneCount(text)) && (p.pattern == nil || p.pattern.Match(text)) && (p.values == nil || p.values[string(text)])
}

// takeNumber takes what is written as an integer and is an int. Any other number is not plain: it may be too large for
// every type.
func (p *plain) takeNumber(r *valueReader) bool {
	start := r.at
	r.skip()
	n, err := strconv.Atoi(string(r.json[start:r.at]))
	return err == nil && p.size.holds(n) && (!p.amount || n >= 1 && n <= MaxAmount)
}
