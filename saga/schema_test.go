package saga

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// withSchema makes a saga with this input schema.
func withSchema(t *testing.T, schema string) *Definition {
	t.Helper()
	return parse(t, "input: "+schema+"\n"+sagaOf("undo: u"))
}

func TestCheckInput(t *testing.T) {
	d := withSchema(t, `{type: object, required: [name, cents], additionalProperties: false, properties: {
		name: {type: string, minLength: 2, maxLength: 5, pattern: "^[a-z]*$"}, cents: {format: minor-units}, n: {type: integer, minimum: 1, maximum: 9},
		maybe: {type: [integer, "null"]}, any: {type: number}, both: {type: [integer, number]}, kind: {enum: [a, b]}, one: {const: 1}, list: {type: array, minItems: 1, maxItems: 2},
		day: {format: date}, self: {$ref: "#/$defs/x~1y"}, either: {anyOf: [{type: string}, {type: boolean}]}}, $defs: {"x/y": {type: boolean}}}`)
	for _, test := range []struct{ fields, want string }{
		{`"name":"abc","cents":1`, ""},
		{`"name":"abc","cents":9007199254740991,"n":9,"maybe":null,"any":1.5,"kind":"b","one":1,"list":[0],"day":"2026-01-02","self":true,"either":false`, ""},
		{``, "/cents: is missing; /name: is missing"},
		{`"name":5,"cents":1`, "/name: must be a string, but is a number"},
		{`"name":"a","cents":1`, "/name: must have at least 2 characters, but has 1"},
		{`"name":"abcdef","cents":1`, "/name: must have at most 5 characters, but has 6"},
		{`"name":"AB","cents":1`, `/name: must match ^[a-z]*$, but is "AB"`},
		{`"name":"ab","cents":1,"n":0`, "/n: must be at least 1, but is 0"},
		{`"name":"ab","cents":1,"n":10`, "/n: must be at most 9, but is 10"},
		{`"name":"ab","cents":1,"n":1.0`, "/n: must be an integer, written without point and exponent"},
		{`"name":"ab","cents":1,"n":1e0`, "/n: must be an integer, written without point and exponent"},
		{`"name":"ab","cents":1,"n":1.5`, "/n: must be an integer, but is a number"},
		{`"name":"ab","cents":1,"n":"1"`, "/n: must be an integer, but is a string"},
		{`"name":"ab","cents":1,"maybe":2.0`, "/maybe: must be an integer, written without point and exponent"},
		{`"name":"ab","cents":1,"any":2.0,"both":2.0`, ""},
		{`"name":"ab","cents":1,"kind":"c"`, `/kind: must be one of ["a","b"], but is "c"`},
		{`"name":"ab","cents":1,"one":2`, "/one: must be 1, but is 2"},
		{`"name":"ab","cents":1,"list":[]`, "/list: must have at least 1 items, but has 0"},
		{`"name":"ab","cents":1,"list":[1,2,3]`, "/list: must have at most 2 items, but has 3"},
		{`"name":"ab","cents":1,"list":{}`, "/list: must be a list, but is an object"},
		{`"name":"ab","cents":1,"day":"today"`, `/day: must be of the format date, but is "today"`},
		{`"name":"ab","cents":1,"self":null`, "/self: must be a boolean, but is null"},
		{`"name":"ab","cents":1,"a/b":1`, "/a~1b: is not known here"},
		{`"name":"ab","cents":1,"either":1`, "/either: must be a boolean, but is a number; /either: must be a string, but is a number"},
		{`"name":"` + strings.Repeat("X", 200) + `","cents":1`, "/name: must have at most 5 characters, but has 200; /name: must match ^[a-z]*$, but is \"" + strings.Repeat("X", 59) + "..."},
		{`"name":"ab","cents":1,"any":1e999`, "line 1, column 30: this number is too large"},
		{`"name":"ab","cents":1,"cents":1`, "line 1, column 24 (/cents): this key stands twice"},
	} {
		err := d.CheckInput([]byte("{" + test.fields + "}"))
		if got := errorText(err); got != test.want {
			t.Errorf("%s:\n got %s\nwant %s", test.fields, got, test.want)
		}
		var wrong *InputError
		if strings.HasPrefix(test.want, "/") && !errors.As(err, &wrong) {
			t.Errorf("%s: error is a %T", test.fields, err)
		}
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestCheckInputWithoutSchema(t *testing.T) {
	d := parse(t, sagaOf("undo: u"))
	for body, ok := range map[string]bool{"{}": true, `{"a":1e999}`: true, "[]": false, "": false, "{} ": true, nested(MaxDepth + 1): false} {
		if err := d.CheckInput([]byte(body)); (err == nil) != ok {
			t.Errorf("%.30s: %v", body, err)
		}
	}
}

func TestManyViolations(t *testing.T) {
	d := withSchema(t, "{additionalProperties: false}")
	var wrong *InputError
	body := `{"first":1`
	for c := range MaxViolations {
		body += fmt.Sprintf(`,"%d":1`, c)
	}
	if err := d.CheckInput([]byte(body + "}")); !errors.As(err, &wrong) || len(wrong.Violations) != MaxViolations {
		t.Errorf("%v", err)
	}
}

func TestViolationIsToldOnce(t *testing.T) {
	d := withSchema(t, "{allOf: [{required: [a]}, {required: [a]}]}")
	if err := d.CheckInput([]byte("{}")); err == nil || err.Error() != "/a: is missing" {
		t.Errorf("%v", err)
	}
}

// A schema that refers to itself without end is refused, whenever that is found.
func TestEndlessSchema(t *testing.T) {
	d, err := Parse("x.yaml", []byte("input: {$ref: \"#\"}\n"+sagaOf("undo: u")))
	if err == nil {
		err = d.CheckInput([]byte("{}"))
	}
	if err == nil {
		t.Error("accepted")
	}
}
