package saga

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestPlainAgrees holds that what is plain says yes only where the library does, and wherever the library does, but for
// numbers and texts that are not plain themselves.
func TestPlainAgrees(t *testing.T) {
	plain, fitted := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		g := schemaGenerator{t: t}
		words := g.object(3)
		s, err := compileSchema(words)
		if err != nil {
			t.Fatalf("%v: %v", words, err)
		}
		if (s.plain == nil) != (g.strange > 0) {
			t.Fatalf("%v: plain is %v with %d words that are not", words, s.plain, g.strange)
		}
		values := valueGenerator{t: t}
		body, err := json.Marshal(values.of(words, 4))
		if err != nil {
			t.Fatal(err)
		}
		if CheckObject(body) != nil {
			return
		}
		v, err := decodeValid(body)
		accepted := err == nil && s.compiled.Validate(v) == nil
		fits := s.plain.fits(body)
		if fits && !accepted {
			t.Fatalf("%s fits %v, and the library refuses it: %v, %v", body, words, err, s.compiled.Validate(v))
		}
		if accepted && !fits && s.plain != nil && !values.strange {
			t.Fatalf("%s does not fit %v, and the library takes it", body, words)
		}
		if s.plain != nil {
			plain++
		}
		if fits {
			fitted++
		}
	})
	if (plain == 0 || fitted == 0) && !testing.Short() { // too few are drawn then
		t.Errorf("%d plain schemas, %d inputs that fit: nothing was tried", plain, fitted)
	}
}

// schemaGenerator draws schemas, mostly of plain words.
type schemaGenerator struct {
	t       *rapid.T
	strange int // words that are not plain
}

func (g *schemaGenerator) chance(percent int, what string) bool {
	return rapid.IntRange(1, 100).Draw(g.t, what) <= percent
}

func (g *schemaGenerator) pick(what string, from ...any) any {
	return rapid.SampledFrom(from).Draw(g.t, what)
}

// schema draws one that is nested at most so deep.
func (g *schemaGenerator) schema(depth int) map[string]any {
	if depth == 0 || g.chance(60, "leaf") {
		return g.leaf()
	}
	if g.chance(30, "list") {
		s := map[string]any{"type": "array", "items": g.schema(depth - 1)}
		g.maybe(s, "minItems", 0, 1, 2)
		g.maybe(s, "maxItems", 1, 2, 3)
		return s
	}
	return g.object(depth)
}

func (g *schemaGenerator) object(depth int) map[string]any {
	properties := map[string]any{}
	var required []any
	for _, name := range []string{"a", "b", "c"} {
		if g.chance(60, "property "+name) {
			properties[name] = g.schema(depth - 1)
		}
		if g.chance(40, "required "+name) {
			required = append(required, name)
		}
	}
	s := map[string]any{"type": "object", "properties": properties, "description": "an object"}
	if required != nil {
		s["required"] = required
	}
	if g.chance(30, "closed") {
		s["additionalProperties"] = g.pick("additional", false, true)
	}
	if s["additionalProperties"] == false {
		for _, name := range required {
			if properties[name.(string)] == nil {
				g.strange++ // nothing fits it
			}
		}
	}
	if g.chance(4, "strange object") {
		g.strange++
		s[g.pick("strange word", "maxProperties", "minProperties").(string)] = 2
	}
	return s
}

func (g *schemaGenerator) maybe(s map[string]any, word string, values ...any) {
	if g.chance(30, word) {
		s[word] = g.pick("the "+word, values...)
	}
}

func (g *schemaGenerator) leaf() map[string]any {
	s := map[string]any{"title": "a leaf"}
	switch g.pick("leaf", "text", "text", "integer", "number", "amount", "boolean", "either", "any", "strange") {
	case "text":
		s["type"] = "string"
		g.maybe(s, "minLength", 1, 2)
		g.maybe(s, "maxLength", 1, 3)
		g.maybe(s, "pattern", "^[a-z]{1,3}$", "b", "^A-?")
		if g.maybe(s, "enum", []any{"a", "bb"}, []any{"A-"}); g.chance(20, "of any type") {
			delete(s, "type")
		}
	case "integer":
		s["type"] = "integer"
		g.maybe(s, "minimum", 0, 2)
		g.maybe(s, "maximum", 2, 5)
	case "number":
		s["type"] = "number"
		g.maybe(s, "maximum", 3)
	case "amount":
		s["format"] = minorUnits
	case "boolean":
		s["type"] = "boolean"
	case "either":
		s["type"] = []any{"null", g.pick("or", "string", "integer", "object", "array")}
	case "strange":
		g.strange++
		return g.strangeLeaf()
	}
	return s
}

// strangeLeaf has a word that is not plain.
func (g *schemaGenerator) strangeLeaf() map[string]any {
	return g.pick("strange leaf", map[string]any{"const": "a"}, map[string]any{"enum": []any{1, "a"}}, map[string]any{"not": map[string]any{"type": "string"}},
		map[string]any{"exclusiveMinimum": 1}, map[string]any{"multipleOf": 2}, map[string]any{"minimum": 0.5}, map[string]any{"format": "date"},
		map[string]any{"uniqueItems": true}, map[string]any{"anyOf": []any{map[string]any{"type": "string"}, map[string]any{"type": "null"}}},
		map[string]any{"patternProperties": map[string]any{"^a": map[string]any{"type": "string"}}}, map[string]any{"propertyNames": map[string]any{"maxLength": 1}},
		map[string]any{"additionalProperties": map[string]any{"type": "string"}}, map[string]any{"$ref": "#"}, map[string]any{"dependentRequired": map[string]any{"a": []any{"b"}}},
	).(map[string]any)
}

// valueGenerator draws values that mostly fit a schema.
type valueGenerator struct {
	t       *rapid.T
	strange bool // there is a number or a text that is not plain
}

func (g *valueGenerator) of(schema map[string]any, depth int) any {
	if rapid.IntRange(1, 100).Draw(g.t, "at random") <= 2 && depth < 4 {
		return g.any(depth)
	}
	switch kind := schema["type"]; {
	case kind == "object" && depth > 0:
		return g.object(schema, depth)
	case kind == "array" && depth > 0:
		list := []any{}
		for range rapid.IntRange(0, 3).Draw(g.t, "items") {
			list = append(list, g.of(schema["items"].(map[string]any), depth-1))
		}
		return list
	case schema["enum"] != nil && rapid.IntRange(1, 10).Draw(g.t, "of the enum") > 1:
		return rapid.SampledFrom(schema["enum"].([]any)).Draw(g.t, "value")
	case kind == "string":
		return g.text()
	case kind == "boolean":
		return rapid.Bool().Draw(g.t, "bool")
	case kind == "integer", kind == "number", schema["format"] == minorUnits:
		return g.number()
	}
	return g.any(depth)
}

func (g *valueGenerator) object(schema map[string]any, depth int) any {
	o := map[string]any{}
	properties, _ := schema["properties"].(map[string]any)
	required, _ := schema["required"].([]any)
	for _, name := range []string{"a", "b", "c", "d"} {
		property, known := properties[name].(map[string]any)
		present := 10
		if known {
			present = 80
		}
		if slices.Contains(required, any(name)) {
			present = 97
		}
		if rapid.IntRange(1, 100).Draw(g.t, name) <= present {
			o[name] = g.of(property, depth-1)
		}
	}
	return o
}

func (g *valueGenerator) any(depth int) any {
	switch rapid.IntRange(0, 6).Draw(g.t, "anything") {
	case 0:
		return nil
	case 1:
		return true
	case 2:
		return g.number()
	case 3:
		if depth > 0 {
			return g.object(map[string]any{}, depth)
		}
	case 4:
		if depth > 0 {
			return []any{g.any(depth - 1)}
		}
	}
	return g.text()
}

func (g *valueGenerator) text() any {
	text := rapid.SampledFrom([]string{"b", "b", "b", "ab", "ab", "", "a", "bb", "abc", "abcd", "A-", "é", "\n", "a\"b", "a\\"}).Draw(g.t, "text")
	g.strange = g.strange || strings.ContainsAny(text, "\n\"\\")
	return text
}

// number is written as it stands: a float that is whole keeps its point.
func (g *valueGenerator) number() any {
	n := rapid.SampledFrom([]string{"2", "2", "2", "2", "2", "2", "2", "2", "0", "1", "2", "3", "-1", "-0", "6", "9007199254740991", "9007199254740992", "1.0", "1.5", "1e0", "123456789012345678", "1234567890123456789", "99999999999999999999"}).Draw(g.t, "number")
	g.strange = g.strange || strings.ContainsAny(n, ".e") || len(n) > 19
	return json.RawMessage(n)
}

// TestPlainWords holds that no word of the library is taken for plain that was not thought of.
func TestPlainWords(t *testing.T) {
	for name, schema := range map[string]string{
		"transfer's": "", "reference": `{$ref: "#/$defs/a", $defs: {a: {type: string, maxLength: 3}}, type: object}`,
		"endless for each of many": `{properties: {a: {$ref: "#"}, b: {$ref: "#"}, c: {$ref: "#"}, d: {$ref: "#"}}}`,
		"endless":                  `{properties: {a: {$ref: "#"}}}`, "older": `{$schema: "http://json-schema.org/draft-07/schema#", properties: {a: {type: string}}}`,
		"closed for what it needs": `{required: [a], additionalProperties: false}`, "boolean": `{properties: {a: true}}`,
		"large": `{properties: {a: {maximum: 99999999999999999999}}}`,
	} {
		d, want := Transfer(), schema == ""
		if !want {
			d = withSchema(t, schema)
		}
		if got := d.input.plain != nil; got != want {
			t.Errorf("%s is plain: %v", name, got)
		}
	}
	d := withSchema(t, `{properties: {a: {$ref: "#/$defs/a", description: "an a"}}, $defs: {a: {type: string, maxLength: 3}}}`)
	for body, want := range map[string]bool{`{}`: true, `{"a":"abc"}`: true, `{"a":"abcd"}`: false, `{"a":1}`: false, `{"b":1}`: true, `{"b":{"c":[1.5]}}`: false, `{"\u0061":"a"}`: false, ` { "b" : [ true , null ] } `: true} {
		if got := d.input.plain.fits([]byte(body)); got != want {
			t.Errorf("%s fits: %v", body, got)
		}
	}
	allocs := testing.AllocsPerRun(100, func() { _ = Transfer().CheckInput(transferInput) })
	if allocs > 0 && !raceEnabled { // with the race detector pools forget what they are given
		t.Error(allocs, "allocations for an input that fits")
	}
}
